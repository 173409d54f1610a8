#!/bin/sh
# Serve this example from the repository's root; arguments go to `tidegate up`.
set -eu
: "${PYTHON:=.venv/bin/python}"

cat <<'END'
Ask it from another terminal, in this folder (the first answer waits for the model to start):

  curl http://127.0.0.1:8000/detect -d "{\"file\": \"$(base64 < Makefile | tr -d '\n')\"}"

END
exec "${PYTHON%python}tidegate" up examples/file-type "$@"

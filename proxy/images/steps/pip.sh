#!/bin/sh
# Installs the app's Python packages into its environment.
#
#   pip.sh pip|uv
set -eu
requirements=/run/tidegate/requirements/requirements.txt
case "$1" in
  pip) exec /opt/app/bin/python -m pip install --requirement "$requirements" ;;
esac
# uv is needed once: the image does not keep it.
/opt/app/bin/python -m venv /tmp/uv
/tmp/uv/bin/python -m pip install --quiet uv
/tmp/uv/bin/uv pip install --python /opt/app/bin/python --requirement "$requirements"
rm -rf /tmp/uv

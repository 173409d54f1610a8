#!/bin/sh
# Installs conda packages into the base environment of an image that has conda.
set -eu
for program in mamba conda micromamba; do
  if command -v "$program" >/dev/null 2>&1; then
    exec "$program" install --yes --name base "$@"
  fi
done
echo "This image has no conda: set cerebrium.deployment.docker_base_image_url to one that has, such as" \
  "condaforge/miniforge3, or list the packages in cerebrium.dependencies.pip." >&2
exit 1

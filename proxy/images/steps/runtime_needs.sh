#!/bin/sh
# Installs what Tidegate's runtime needs, in the versions of the Tidegate that builds: beside the app's environment, and
# behind it on Python's path, so the app's own packages win, whatever their versions.
set -eu
folder=/opt/tidegate/site-packages
/opt/app/bin/python -m pip install --quiet --target "$folder" \
  --constraint /run/tidegate/runtime_needs/constraints.txt --requirement /run/tidegate/runtime_needs/requirements.txt
packages="$(/opt/app/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
echo "$folder" >"$packages/zz_tidegate.pth"

#!/bin/sh
# Puts Tidegate's runtime beside the app's environment: the app's own packages come first, whatever their versions.
set -eu
folder=/opt/tidegate/site-packages
/opt/app/bin/python -m pip install --quiet --no-compile --target "$folder" \
  --constraint /run/tidegate/runtime/constraints.txt --requirement /run/tidegate/runtime/requirements.txt
cp -R /run/tidegate/runtime/source/. "$folder"
# Compiled now: a container may not be able to write here, and its start would pay for it every time.
/opt/app/bin/python -m compileall -q -j 0 "$folder" >/dev/null || true
packages="$(/opt/app/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
echo "$folder" >"$packages/zz_tidegate.pth"

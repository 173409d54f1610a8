#!/bin/sh
# Puts the runtime of the Tidegate that builds beside what it needs.
set -eu
folder=/opt/tidegate/site-packages
cp -R /run/tidegate/runtime/. "$folder"
# Compiled now: a container may not be able to write here, and every start would pay for it.
/opt/app/bin/python -m compileall -q "$folder/proxy" "$folder/runtime"

#!/bin/sh
# Puts the runtime of the Tidegate that builds beside what it needs.
set -eu
folder=/opt/tidegate/site-packages
cp -R /run/tidegate/runtime/. "$folder"
# Compiled modules are for one Python and its C library, those of the machine that builds; elsewhere their source serves.
load="import sys; sys.path.append('$folder'); import proxy.net.client, runtime.connection"
if ! /opt/app/bin/python -P -c "$load" 2>/dev/null; then
  find "$folder/proxy" "$folder/runtime" -name '*.so' -delete
  rm -f "$folder"/tidegate_*__mypyc*.so
fi
# Byte-compiled now: a container may not be able to write here, and every start would pay for it.
/opt/app/bin/python -m compileall -q "$folder/proxy" "$folder/runtime"

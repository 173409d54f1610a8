#!/bin/sh
# Makes /opt/app, the virtual environment that an app runs in, with the Python that it wants: the image's own, or the
# distribution's, or one that uv downloads. It sees the image's own packages.
#
#   python.sh VERSION    "3.12" or "3.12.4"; "" is the image's own if Tidegate runs on it, else 3.11
set -eu
wanted="$1"
apt_updated=""

fits() {
  "$1" -c 'import sys
have, wanted = ".".join(map(str, sys.version_info[:3])) + ".", sys.argv[1]
sys.exit(not (have.startswith(wanted + ".") if wanted else sys.version_info >= (3, 11)))' "$wanted" 2>/dev/null
}

find_python() {
  for program in "python$minor" python3 python; do
    if command -v "$program" >/dev/null 2>&1 && fits "$program"; then
      command -v "$program"
      return
    fi
  done
  return 1
}

apt_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ -n "$apt_updated" ] || apt-get update -qq
  apt_updated=yes
  apt-get install -y -qq --no-install-recommends "$@"
}

with_uv() {
  helper="$(command -v python3 || command -v python || true)"
  if [ -z "$helper" ] || ! "$helper" -m venv /tmp/uv >/dev/null 2>&1; then
    apt_install python3 python3-venv ca-certificates || return 1
    python3 -m venv --clear /tmp/uv
  fi
  /tmp/uv/bin/python -m pip install --quiet uv
  UV_PYTHON_INSTALL_DIR=/opt/python /tmp/uv/bin/uv python install "$wanted" || return 1
  UV_PYTHON_INSTALL_DIR=/opt/python /tmp/uv/bin/uv python find --managed-python "$wanted"
  rm -rf /tmp/uv
}

set_minor() { minor="$(printf '%s' "$wanted" | cut -d. -f1,2)"; }

set_minor
if ! python="$(find_python)"; then
  wanted="${wanted:-3.11}"
  set_minor
  apt_install "python$minor" "python$minor-venv" >&2 || echo "apt has no Python $minor: uv is asked for it" >&2
  if ! python="$(find_python)"; then
    python="$(with_uv | tail -n 1)"
  fi
  if [ -z "$python" ]; then
    echo "Python $wanted is not in this image, apt has no package of it, and it could not be downloaded." >&2
    exit 1
  fi
fi

echo "using $python: $("$python" --version)"
make_environment() { "$python" -m venv --clear --system-site-packages /opt/app; }
if ! make_environment >/tmp/venv.log 2>&1; then
  # Debian and Ubuntu ship venv's own parts apart.
  version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  apt_install "python$version-venv" || { cat /tmp/venv.log >&2; exit 1; }
  make_environment
fi
rm -f /tmp/venv.log

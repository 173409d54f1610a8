#!/bin/sh
# Installs packages of the distribution.
set -eu
command -v apt-get >/dev/null 2>&1 || {
  echo "This image has no apt: set cerebrium.deployment.docker_base_image_url to a Debian or Ubuntu one," \
    "or install the packages in cerebrium.deployment.pre_build_commands." >&2
  exit 1
}
apt-get update -qq
exec apt-get install -y -qq --no-install-recommends "$@"

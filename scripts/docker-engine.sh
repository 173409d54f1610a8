#!/usr/bin/env bash
# A Docker Engine for the tests: installs it if it is missing, starts it, makes the base image that the tests build on.
# What is there already stays as it is, so it may be run as often as you like. Debian or Ubuntu, as root.
#
#   scripts/docker-engine.sh          an engine that answers, and the image tidegate-test-base
#   scripts/docker-engine.sh stop     end the engine that this script started
set -euo pipefail

ROOT="${TIDEGATE_DOCKER_ROOT:-/var/lib/tidegate-docker}"
IMAGE=tidegate-test-base
PID_FILE="$ROOT.pid"
LOG="$ROOT.log"
START_SECONDS=60

say() { printf 'docker-engine: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
answers() { docker info >/dev/null 2>&1; }

need_root() {
  [ "$(id -u)" -eq 0 ] || fail "$1 needs root: run it with sudo, or start a Docker Engine yourself"
}

install_packages() {
  local missing=() package program
  for package in "$@"; do
    case "$package" in
      docker.io) program=dockerd ;;
      docker-cli) program=docker ;;
      iproute2) program=ip ;;
      *) program="$package" ;;
    esac
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1 || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  need_root "installing ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

start_engine() {
  answers && return 0
  install_packages docker.io iptables iproute2
  command -v docker >/dev/null 2>&1 || install_packages docker-cli # newer releases ship it apart
  answers && return 0 # the package may have started it as a service
  need_root "starting an engine"
  say "starting dockerd on $ROOT (its log: $LOG)"
  # In a session of its own: Ctrl-C in a terminal ends the tests, not the engine that the next run will use.
  setsid dockerd --data-root "$ROOT" --pidfile "$PID_FILE" >"$LOG" 2>&1 </dev/null &
  for _ in $(seq $((START_SECONDS * 5))); do
    answers && return 0
    kill -0 $! 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$LOG" >&2
  fail "dockerd does not answer; the end of $LOG stands above"
}

# The mirror that apt uses here, for the release that runs here: "URL CODENAME".
apt_mirror() {
  local codename
  codename="$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")"
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1, $2; exit }'
}

make_base_image() {
  docker image inspect "$IMAGE" >/dev/null 2>&1 && return 0
  need_root "making the image $IMAGE"
  install_packages debootstrap
  local mirror codename folder
  read -r mirror codename <<<"$(apt_mirror)" || true
  [ -n "${codename:-}" ] || fail "apt names no mirror for this release: set one in /etc/apt/sources.list.d"
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' RETURN
  say "making the image $IMAGE from Debian packages (about a minute)"
  if ! debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$codename" "$folder/root" "$mirror" >"$folder/log" 2>&1; then
    tail -n 5 "$folder/log" >&2
    fail "debootstrap failed; the end of what it said stands above"
  fi
  rm -rf "$folder"/root/var/cache/apt/archives/*.deb "$folder"/root/var/lib/apt/lists/*
  tar -C "$folder/root" -c . | docker import --change 'CMD ["/bin/sh"]' - "$IMAGE" >/dev/null
}

stop_engine() {
  [ -f "$PID_FILE" ] || return 0
  local pid
  pid="$(cat "$PID_FILE")"
  say "stopping dockerd $pid"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.2
  done
}

case "${1:-start}" in
  start)
    start_engine
    make_base_image
    say "ready: $(docker version --format 'Docker Engine {{.Server.Version}}'), image $IMAGE"
    ;;
  stop) stop_engine ;;
  *) fail "it knows start and stop, not $1" ;;
esac

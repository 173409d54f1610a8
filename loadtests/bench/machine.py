"""Where figures were made: the machine and the versions of all."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.programs import Programs


def _hardware() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores ({model[1] if model else platform.machine()})"
    return f"{cores}, Linux {platform.release()}"


def description(programs: Programs | None = None) -> str:
    """With the versions of Tidegate and of what it is compared with."""
    python = f"Python {platform.python_version()}, uvloop {version('uvloop')}"
    own = f"Tidegate {version('tidegate')} ({python})"
    others = [f"aiohttp {version('aiohttp')}", *_others(programs)] if programs else []
    return f"{_hardware()}; {', '.join([own, *others])}"


def _others(programs: Programs) -> list[str]:
    asked = {
        "nginx": (programs.nginx, "-v"),
        "HAProxy": (programs.haproxy, "-v"),
        "Envoy": (programs.envoy, "--version"),
    }
    return [f"{name} {_version(program, option)}" for name, (program, option) in asked.items() if program]


def _version(program: str, option: str) -> str:
    said = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=20)
    number = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return number[0] if number else "of unknown version"

"""tidegate runtime: the container entrypoint, a program of its own that takes the place of this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def enter(arguments: Sequence[str]) -> NoReturn:
    """Same process id, so that it can be process 1. -P: a user's own runtime.py must not hide Tidegate's."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "runtime", *arguments])


def runtime() -> None:
    """The container entrypoint: a gate before the functions of main.py, or before the command behind --."""
    enter(sys.argv[2:])

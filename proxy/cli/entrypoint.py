"""tidegate runtime: the container entrypoint, a program of its own that takes the place of this one."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn


def enter(arguments: Sequence[str]) -> NoReturn:
    """Same process id, so that it can be process 1; a user's own runtime.py must not hide Tidegate's.

    In this process, as python -m would do it: another start of Python takes a tenth of a cold start.
    """
    if sys.path[0] in {"", str(Path.cwd())}:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "runtime", *arguments])
    sys.argv[1:] = arguments
    runpy.run_module("runtime", run_name="__main__", alter_sys=True)
    sys.exit()


def runtime() -> None:
    """The container entrypoint: a gate before the functions of main.py, or before the command behind --."""
    enter(sys.argv[2:])

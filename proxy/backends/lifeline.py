"""What makes process groups die with this proxy, also when it is killed with SIGKILL."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_PR_SET_PDEATHSIG = 1
# Bound before any fork: looking a symbol up between fork and exec may deadlock.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
# As we were given it: `up` raises its own, but programs that use select() must not get descriptors above 1023.
_DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)


def bind_to_parent() -> Callable[[], None] | None:
    """What a child runs before exec so that the kernel kills it with this process; None where the kernel can't."""
    parent, prctl, kill = os.getpid(), _PRCTL, int(signal.SIGKILL)
    if prctl is None:
        return None

    def bind() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
        prctl(_PR_SET_PDEATHSIG, kill, 0, 0, 0)
        if os.getppid() != parent:  # it died before it could be watched
            os._exit(1)

    return bind


class Lifeline:
    """Owns the guard process and tells it which process groups live; it covers what children start themselves."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._guard: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        """Watch a process group; raises OSError if the guard cannot be started."""
        self._groups.add(group)
        if not self._tell(f"+{group}\n"):
            self._start()

    def remove(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the guard, unless other backends still have processes."""
        if self._guard and not self._groups:
            self._guard.communicate()
            self._guard = None

    def _tell(self, line: str) -> bool:
        """False if there is no guard to hear it."""
        if self._guard is None or self._guard.stdin is None or self._guard.poll() is not None:
            return False
        try:
            self._guard.stdin.write(line.encode())
        except BrokenPipeError:
            return False
        return True

    def _start(self) -> None:
        if self._guard:
            self._guard.communicate()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        for group in self._groups:
            self._tell(f"+{group}\n")


# The operating system's parent is this whole process, so its guard is one for all backends.
LIFELINE = Lifeline()

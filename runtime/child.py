"""The command of process 1: started in a process group of its own, signalled and ended as a whole; and reaping."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from proxy.backends.lifeline import bind_to_parent
from proxy.errors import UserError

ENDING = (signal.SIGTERM, signal.SIGINT)
FORWARDED = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
TAKEN = frozenset((*ENDING, *FORWARDED, signal.SIGCHLD))

_PR_SET_CHILD_SUBREAPER = 36
_TASKS = Path("/proc/self/task")
# What ends by SIGKILL does so within milliseconds; what hangs in the kernel is not waited for longer than this.
_LAST_LOOKS = 200
_LOOK_SECONDS = 0.005


class NotStarted(UserError):
    """The command cannot be run; `exit_code` is the shell's: 127 not found, 126 not executable."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """One command from its start to its end; `code` is as in subprocess: below zero it is the signal."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], listener: socket.socket | None = None
    ) -> None:
        """Start it, with `listener` as its own: nobody else listens there when it has ended. Raises NotStarted."""
        self.code = 0
        self.started_at = time.monotonic()
        try:
            self._process = subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=() if listener is None else (listener.fileno(),),
                process_group=0,
                preexec_fn=_before_exec(),  # noqa: PLW1509  # no other thread runs Python code here
            )
        except FileNotFoundError:
            raise NotStarted(_not_found(argv[0]), 127) from None
        except OSError as error:
            raise NotStarted(f"{argv[0]} cannot be executed: {error.strerror}", 126) from None
        finally:
            if listener is not None:
                listener.close()
        self.pid = self._process.pid

    def signal(self, number: int) -> None:
        """To every process of the group; nothing happens if it is gone."""
        if self._process.returncode is not None:  # the number may be another group's by now
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM when only zombies are
            return

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def ended(self, code: int) -> None:
        """It has been reaped; what it started goes, too."""
        self.kill()
        self._process.returncode = code  # it must not wait for what is gone
        self.code = code

    @property
    def exit_code(self) -> int:
        """The shell's: 128 + the signal for one that was killed."""
        return self.code if self.code >= 0 else 128 - self.code


def _not_found(program: str) -> str:
    """The kernel says the same of a program and of the one that is to run it (execve(2))."""
    from shutil import which  # only here: it takes a while to load

    if which(program) is None:
        return f"{program} is not found: install it, or correct the command after --"
    return (
        f"{program} is there, but what is to run it is not: correct its first line, which may end as on Windows, or "
        "give a program that was built for this system"
    )


def _before_exec() -> Callable[[], None]:
    bind = bind_to_parent()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if bind is not None:
            bind()

    return prepare


def reap() -> dict[int, int]:
    """The exit codes, as in subprocess, of all children that have ended since last asked."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


class Orphans:
    """What descendants leave behind: it becomes ours, as that of process 1 does anyway, and ends with the command."""

    def __init__(self) -> None:
        self._spared: set[int] = set()

    def adopt(self) -> None:
        """From now on (prctl(2), Linux). Children from before an exec of this process are somebody else's."""
        self._spared = _children()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def kill(self) -> None:
        """At the end of the process; returns when they are gone."""
        for seconds in self.killed():
            time.sleep(seconds)

    def killed(self) -> Iterator[float]:
        """Once the command has ended: what it started may hold its port or its GPU's memory.

        Seconds to wait until each next look, as long as anything is left.
        """
        for _ in range(_LAST_LOOKS):
            reap()
            left = _children() - self._spared
            if not left:
                return
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):  # one of another user's is not ours to kill
                    os.kill(pid, signal.SIGKILL)
            yield _LOOK_SECONDS


def _children() -> set[int]:
    return {int(pid) for children in _lists_of_children() for pid in children.split()}


def _lists_of_children() -> Iterable[str]:
    for task in _TASKS.glob("*/children"):
        try:
            yield task.read_text()
        except OSError:  # a thread that has just ended
            continue


# The operating system's parent is this whole process.
ORPHANS = Orphans()

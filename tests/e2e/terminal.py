"""A command on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.e2e.running import DEADLINE_SECONDS, TIDEGATE, eventually


class Terminal:
    """What a command has written, and the keys that it is sent."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self.process = process
        self.written = ""

    def shows(self, text: str) -> None:
        """Wait for it."""
        eventually(lambda: text in self._read())

    def matches(self, pattern: str) -> None:
        """Wait until something does."""
        eventually(lambda: re.search(pattern, self._read()))

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        os.write(self._descriptor, b"\x03")
        eventually(lambda: self._read() and self.process.poll() is not None)
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self) -> str:
        with suppress(OSError):  # nothing for now; EIO when the command has ended
            self.written += os.read(self._descriptor, 65_536).decode(errors="replace")
        return self.written


def _take_terminal() -> None:
    """So that Ctrl-C reaches the command."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def on_terminal(words: Sequence[str], environment: dict[str, str], width: int = 200) -> Iterator[Terminal]:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    os.set_blocking(ours, False)

    variables = {**os.environ, "TERM": "xterm-256color", **environment}
    with subprocess.Popen(
        [TIDEGATE, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=variables,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - it takes no lock
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            os.close(ours)

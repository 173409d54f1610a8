"""What a replica prints: the last lines for a person, every line for the log."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque

from proxy.backends.secrets import NONE, Secrets

_LOG = logging.getLogger("tidegate.replica")
_LINES = 200
_LINE_BYTES = 8192
_READ_BYTES = 65536
_LAST_READS = 16


class Output:
    """Owns the end of a replica's output, and the pipe it comes through if that is ours; lines are cut at 8 KiB."""

    def __init__(self, app: str, replica: str, secrets: Secrets = NONE) -> None:
        self._hide = secrets.hide
        self._labels = {"app": app, "replica": replica}
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._partial = b""
        self._outlet: int | None = None

    def open(self) -> int:
        """Start reading on the running loop; the caller closes the returned write end once the process has it."""
        # Not a pipe of the loop's: uvloop makes it a socket, and then writing to /dev/stderr fails in the process.
        self._outlet, inlet = os.pipe()
        os.set_blocking(self._outlet, False)
        asyncio.get_running_loop().add_reader(self._outlet, self._on_readable)
        return inlet

    def close(self) -> None:
        """Take in what is left, and stop reading even if somebody still holds the write end."""
        if self._outlet is None:
            return
        for _ in range(_LAST_READS):
            if not self._read(self._outlet):
                break
        asyncio.get_running_loop().remove_reader(self._outlet)
        os.close(self._outlet)
        self._outlet = None
        self.finish()

    def finish(self) -> None:
        """Nothing more comes: a last line without a newline is a line too."""
        if self._partial:
            self.feed(b"\n")

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def feed(self, data: bytes) -> None:
        *lines, rest = (self._partial + data).split(b"\n")
        for line in lines:
            self._add(_visible(line).rstrip(b"\r")[:_LINE_BYTES].decode(errors="replace"))
        self._partial = _visible(rest)[:_LINE_BYTES]

    def _add(self, text: str) -> None:
        line = self._hide(text)
        self._lines.append(line)
        _LOG.info("%s", line, extra=self._labels)

    def _on_readable(self) -> None:
        if self._outlet is not None and self._read(self._outlet) == b"":
            self.close()

    def _read(self, outlet: int) -> bytes | None:
        """Take in at most 64 KiB: None when there is nothing for now, b"" at the end."""
        try:
            data = os.read(outlet, _READ_BYTES)
        except BlockingIOError:
            return None
        self.feed(data)
        return data


def _visible(line: bytes) -> bytes:
    """What a terminal shows of a line that returns to its start: a progress bar is its last state."""
    return line[line.rstrip(b"\r").rfind(b"\r") + 1 :]

"""On a terminal, one line below the log that says what is being started and how far it is."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
from typing import TextIO

_CLEAR = "\r\x1b[2K"


class TerminalHandler(logging.StreamHandler[TextIO]):
    """Writes log lines above the line of progress, which stays the last one on the screen."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._shown = ""

    def show(self, text: str) -> None:
        """Put `text` in place of what stood there; "" takes it away."""
        width = shutil.get_terminal_size().columns - 1
        line = text if len(text) <= width else f"{text[: width - 1]}…"
        if line != self._shown:
            self._shown = line
            self._write(f"{_CLEAR}{line}")

    def emit(self, record: logging.LogRecord) -> None:
        shown, self._shown = self._shown, ""
        if shown:
            self._write(_CLEAR)
        super().emit(record)
        if shown:
            self.show(shown)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone: that ends no serving
            self.stream.write(text)
            self.flush()

"""On a terminal, one line below the log that says what is being started and how far it is."""

from __future__ import annotations

import shutil

_CLEAR = b"\r\x1b[2K"


class ProgressLine:
    """Stays the last one on the screen; `wanted` may be set by another thread than the one that writes."""

    def __init__(self) -> None:
        self.wanted = b""
        self._shown = b""

    def want(self, text: str) -> bool:
        """`text` is to stand there, cut at the edge of the screen, "" for nothing; false if it does already."""
        width = shutil.get_terminal_size().columns - 1
        line = (text if len(text) <= width else f"{text[: width - 1]}…").encode()
        changed = line != self.wanted
        self.wanted = line
        return changed

    def below(self, lines: bytes) -> bytes:
        """What to write so that the lines stand above it."""
        before, wanted = self._shown, self.wanted
        if not lines and before == wanted:
            return b""
        self._shown = wanted
        return (_CLEAR if before else b"") + lines + wanted

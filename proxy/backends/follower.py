"""One reader of what replicas print, while they print it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import NamedTuple

_LINES = 2000


class Line(NamedTuple):
    """`at` is ISO 8601, UTC, of one length: lines sort by it."""

    at: str
    replica: str
    text: str


class Follower:
    """Owns the lines that one reader has not taken yet; the oldest go where it reads too slowly."""

    def __init__(self, app: str, replica: str | None) -> None:
        self.ended = False
        self._app = app
        self._replica = replica
        self._lines: deque[Line] = deque(maxlen=_LINES)
        self._some = asyncio.Event()

    def offer(self, app: str, line: Line) -> None:
        if app == self._app and self._replica in {None, line.replica}:
            self._lines.append(line)
            self._some.set()

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self._some.set()

    async def wait(self, seconds: float) -> None:
        """Until there is a line, or the end, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._some.wait()

    def take(self) -> list[Line]:
        """All that have come."""
        lines = list(self._lines)
        self._lines.clear()
        if not self.ended:
            self._some.clear()
        return lines

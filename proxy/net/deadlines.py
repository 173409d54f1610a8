"""Timeouts: one sweep over all that has a deadline, instead of a timer per request."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

NEVER: Final = float("inf")


class Timed(Protocol):
    """Something that ends at `deadline`, in seconds of time.monotonic; NEVER once it has ended."""

    deadline: float

    def expire(self, now: float) -> None:
        """The deadline has passed: end, or set a later one."""


class Deadlines:
    """Everything that may time out; late by at most `sweep_seconds`.

    Moving a deadline is one assignment, which is what a request does several times; a timer would cost a
    heap operation each time.
    """

    def __init__(self, sweep_seconds: float) -> None:
        self._sweep_seconds = sweep_seconds
        self._timed: set[Timed] = set()
        self.watch = self._timed.add
        self.forget = self._timed.discard

    def __len__(self) -> int:
        return len(self._timed)

    def sweep(self, now: float) -> None:
        for timed in [timed for timed in self._timed if timed.deadline <= now]:
            if timed.deadline <= now:  # still: the end of one thing gives its slot or connection to another
                timed.expire(now)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_seconds)
            self.sweep(time.monotonic())

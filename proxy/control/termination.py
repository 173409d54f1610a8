"""How a replica ends: idle first if asked for, SIGTERM, the grace period, SIGKILL."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.backends.base import Handle
    from proxy.config import AppConfig
    from proxy.core.replica import Replica

log = logging.getLogger("tidegate.lifecycle")

# A server that gets SIGTERM closes connections that look idle to it: what has just been sent it must have read before.
SETTLE_SECONDS = 0.2
# A function server that hung: it has been silent for as long as the probes took to see it, and may still come back.
HUNG_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class End:
    """Why a replica ended: `kind` is one of few, to be counted; `reason` is for a person.

    `silent`: it did not even say that it is unwell.
    """

    kind: str
    reason: str
    silent: bool = False


class Termination:
    """One replica's end, from the moment it gets no more requests; one that `hung` is not waited for as others are."""

    def __init__(self, config: AppConfig, replica: Replica, handle: Handle, hung: bool = False) -> None:
        grace_seconds = config.scaling.response_grace_period_seconds
        self._grace_seconds = min(grace_seconds, HUNG_SECONDS) if hung else grace_seconds
        self._replica = replica
        self._handle = handle
        self._waits = replica.in_flight > 0 and not hung  # and may be called off for as long
        self._idle_seconds = None if config.drain.sigterm == "when-idle" and not hung else SETTLE_SECONDS
        self._recalled = False
        self._due = asyncio.Event()

    def recall(self) -> bool:
        """Call it off; false unless it still waits before SIGTERM."""
        if not self._waits:
            return False
        self._recalled = True
        self._due.set()
        return True

    async def run(self) -> None:
        if self._replica.in_flight:
            await self._idle(self._idle_seconds)
        self._waits = False
        if not self._recalled:
            await self._signal()

    async def _idle(self, seconds: float | None) -> None:
        """Wait until its last request has ended, or it is recalled; at most so long."""
        self._replica.when_idle(self._due.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._due.wait()
        self._replica.when_idle(None)

    async def _signal(self) -> None:
        await self._handle.terminate()
        try:
            async with asyncio.timeout(self._grace_seconds):
                await self._handle.wait()
        except TimeoutError:
            log.warning("replica %s is killed: it ran for %g s after SIGTERM", self._replica.id, self._grace_seconds)
            self._replica.killed = True
            await self._handle.kill()

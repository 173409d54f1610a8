"""How a replica ends: idle first if asked for, SIGTERM, the grace period, SIGKILL."""

from __future__ import annotations

import asyncio
import logging

from proxy.backends.base import Handle
from proxy.config import AppConfig
from proxy.core.replica import Replica

log = logging.getLogger("tidegate.lifecycle")


class Termination:
    """One replica's end, from the moment it gets no more requests."""

    def __init__(self, config: AppConfig, replica: Replica, handle: Handle) -> None:
        self._when_idle = config.drain.sigterm == "when-idle"
        self._grace_seconds = config.scaling.response_grace_period_seconds
        self._replica = replica
        self._handle = handle
        self._due = asyncio.Event()
        self._signalled = False
        self._recalled = False

    def recall(self) -> bool:
        """Call it off; false if SIGTERM was sent already."""
        if self._signalled:
            return False
        self._recalled = True
        self._due.set()
        return True

    async def run(self) -> None:
        replica = self._replica
        if self._when_idle:
            replica.when_idle(self._due.set)
            await self._due.wait()
            replica.when_idle(None)
            if self._recalled:
                return
        self._signalled = True
        await self._handle.terminate()
        try:
            async with asyncio.timeout(self._grace_seconds):
                await self._handle.wait()
        except TimeoutError:
            log.warning("replica %s is killed: it ran for %g s after SIGTERM", replica.id, self._grace_seconds)
            replica.killed = True
            await self._handle.kill()

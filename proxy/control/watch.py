"""Looks at one app once a second for what people should be told of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from proxy.control.notifier import Notifier
from proxy.core.alarms import Alarms, Failure, Signs
from proxy.core.pool import Pool

LOOK_SECONDS = 1.0


class Watch:
    """Gathers signs between two looks; `at_most` tells whether more replicas are wanted than there may be."""

    def __init__(self, pool: Pool, alarms: Alarms, notifier: Notifier, at_most: Callable[[], bool]) -> None:
        self._pool = pool
        self._alarms = alarms
        self._notifier = notifier
        self._at_most = at_most
        self._failures: list[Failure] = []

    def failed(self, failure: Failure) -> None:
        self._failures.append(failure)

    def look(self, now: float) -> None:
        failures, self._failures = tuple(self._failures), []
        ready = sum(replica.routable for replica in self._pool)
        signs = Signs(failures, ready, len(self._pool.queue), self._at_most())
        self._notifier.tell(self._alarms.look(signs, now))

    async def run(self) -> None:
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

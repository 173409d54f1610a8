"""Looks at one app once a second for what people should be told of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from proxy.config.notify import Notify
from proxy.control.notifier import Notifier
from proxy.core.alarms import Alarms, Notice, Signs, Thresholds
from proxy.core.failure import Failure
from proxy.metrics import AppMetrics

LOOK_SECONDS = 1.0


class Watch:
    """Gathers signs between two looks; `at_most` tells whether more replicas are wanted than there may be."""

    def __init__(self, metrics: AppMetrics, alarms: Alarms, notifier: Notifier, at_most: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._alarms = alarms
        self._notifier = notifier
        self._at_most = at_most
        self._last: Failure | None = None  # that was seen

    def look(self, now: float) -> None:
        pool = self._metrics.pool
        ready = sum(replica.routable for replica in pool)
        signs = Signs(self._new_failures(), ready, len(pool.queue), self._at_most())
        self._notifier.tell(self._alarms.look(signs, now))

    def tell(self, notice: Notice) -> None:
        """What somebody else has seen."""
        self._notifier.tell([notice])

    def configure(self, thresholds: Thresholds, settings: Notify) -> None:
        self._alarms.configure(thresholds)
        self._notifier.settings = settings

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._notifier.run())
            while True:
                self.look(time.monotonic())
                await asyncio.sleep(LOOK_SECONDS)

    def _new_failures(self) -> tuple[Failure, ...]:
        new: list[Failure] = []
        for failure in reversed(self._metrics.failures):
            if failure is self._last:
                break
            new.insert(0, failure)
        if new:
            self._last = new[-1]
        return tuple(new)

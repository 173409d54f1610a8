"""How much of its hardware each replica of an app uses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from proxy.backends.base import Consumption
from proxy.control.lifecycle import Lifecycle
from proxy.metrics import AppMetrics, Usage

_SAMPLE_SECONDS = 2.0

log = logging.getLogger("tidegate.usage")


class UsageMeter:
    """Asks the backend again and again; what a replica used between two answers is its processors' share."""

    def __init__(self, lifecycle: Lifecycle, metrics: AppMetrics, cores: float) -> None:
        self._lifecycle = lifecycle
        self._metrics = metrics
        self.cores = cores  # of one replica
        self._failing = False
        self._before: dict[str, tuple[float, float]] = {}  # replica → (when, its processor seconds)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            await self.measure()

    async def measure(self) -> None:
        """Where it cannot be, for want of a file descriptor say, what was known stays until the next time."""
        try:
            consumed = await self._lifecycle.consumption()
        except OSError as error:
            if not self._failing:
                log.warning("%s: what replicas use cannot be measured: %s", self._metrics.name, error)
            self._failing = True
            return
        self._failing = False
        self.note(consumed, time.monotonic())

    def note(self, consumed: Mapping[str, Consumption], now: float) -> None:
        """Take in what the replicas have used by now."""
        self._metrics.usage = {
            replica: Usage(self._cores_used(replica, one.cpu_seconds, now) / self.cores, one.memory_bytes)
            for replica, one in consumed.items()
        }
        self._before = {replica: (now, one.cpu_seconds) for replica, one in consumed.items()}

    def _cores_used(self, replica: str, seconds: float, now: float) -> float:
        when, before = self._before.get(replica, (now, seconds))
        return max(0.0, (seconds - before) / (now - when)) if now > when else 0.0

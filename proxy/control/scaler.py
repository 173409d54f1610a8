"""The loop that keeps an app at the number of replicas it should have: observe, decide, apply."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from proxy.config import Scaling
from proxy.control.placement import Placement
from proxy.core.autoscaler.apply import apply
from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation, observe
from proxy.core.pool import Pool
from proxy.metrics import AppMetrics

log = logging.getLogger("tidegate.scaler")

_TICK_SECONDS = 1.0
# Events come in swarms: after a decision, others are gathered for so long.
_GATHER_SECONDS = 0.01
_DECISIONS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One decision with what it was made from."""

    at: datetime
    seen: Observation
    decision: Decision


class Scaler:
    """Decides every second, and at once when woken."""

    def __init__(self, settings: Scaling, pool: Pool, placement: Placement, metrics: AppMetrics) -> None:
        self.records: deque[Record] = deque(maxlen=_DECISIONS_KEPT)
        self._settings = settings
        self._pool = pool
        self._placement = placement
        self._metrics = metrics
        self._memory = Memory.fresh(settings, time.monotonic())
        self._woken = asyncio.Event()
        self.wake = self._woken.set

    async def run(self) -> None:
        while True:
            self._woken.clear()
            self.step(time.monotonic())
            await asyncio.sleep(_GATHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._woken.wait()

    def step(self, now: float) -> None:
        seen = self._observe(now)
        decision, self._memory = decide(self._settings, seen, self._memory, now)
        apply(decision.desired, self._pool, self._placement, now)
        if self._placement.reason:
            decision = replace(decision, clamp="room", reason=f"{decision.reason}; {self._placement.reason}")
        last = self.records[-1].decision.desired if self.records else None
        self.records.append(Record(datetime.now(UTC), seen, decision))
        self._metrics.desired = decision.desired
        if decision.desired != last:
            log.info("%s: replicas wanted: %d (%s)", self._metrics.name, decision.desired, decision.reason)

    def _observe(self, now: float) -> Observation:
        """What the pool knows, and what it does not."""
        metrics = self._metrics
        return replace(observe(self._pool, now), wall=datetime.now(UTC), cold_start=metrics.cold_start.estimate)

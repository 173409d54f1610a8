"""The loop that keeps an app at the number of replicas it should have: observe, decide, apply."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING

from proxy.config import AppConfig
from proxy.control.placement import Placement
from proxy.control.recorder import Recorder
from proxy.control.rollout import Rollout
from proxy.core.autoscaler.apply import apply
from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.limits import NO_OVERRIDE, Override
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation, observe
from proxy.core.autoscaler.record import Records
from proxy.core.pool import Pool
from proxy.metrics import AppMetrics

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction

log = logging.getLogger("tidegate.scaler")

_TICK_SECONDS = 1.0
# Events come in swarms: after a decision, others are gathered for so long.
_GATHER_SECONDS = 0.01


class Scaler:
    """Decides every second, and at once when woken."""

    def __init__(
        self,
        config: AppConfig,
        pool: Pool,
        placement: Placement,
        metrics: AppMetrics,
        prediction: Prediction | None = None,
    ) -> None:
        self.records = Records()
        self.override = NO_OVERRIDE
        self.recorder: Recorder | None = None
        self.rollout: Rollout | None = None
        self._settings = config.scaling
        self._hardware = config.hardware
        self._pool = pool
        self._placement = placement
        self._metrics = metrics
        self._prediction = prediction
        self._memory = Memory.fresh(config.scaling, time.monotonic())
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

    def configure(self, config: AppConfig, prediction: Prediction | None) -> None:
        """Decide by other settings from now on, with all that is remembered and still true under them."""
        self._memory = self._memory.follow(self._settings, config.scaling, time.monotonic())
        self._settings, self._hardware, self._prediction = config.scaling, config.hardware, prediction
        self.wake()

    def scale(self, override: Override) -> None:
        """Let an operator's limits hold from now on, until others are given."""
        self.override = override
        log.info("%s: by hand: min_replicas %s, max_replicas %s", self._metrics.name, *_said(override))
        self.wake()

    def step(self, now: float) -> None:
        seen = self._observe(now)
        if self.recorder is not None:
            self.recorder.note(seen.journal)
        decision, self._memory = decide(self._settings, seen, self._memory, now)
        if self.rollout is None or not self.rollout.step(decision.desired, now):
            apply(decision.desired, self._pool, self._placement, now)
        elif self.rollout.reason:
            decision = replace(decision, reason=f"{decision.reason}; {self.rollout.reason}")
        if self._placement.reason:
            decision = replace(decision, clamp="room", reason=f"{decision.reason}; {self._placement.reason}")
        self._note(seen, decision)

    def _note(self, seen: Observation, decision: Decision) -> None:
        before = self.records.last
        record = self.records.note(seen, decision)
        self._metrics.decided(decision.desired, decision.clamp)
        if before is None or decision.desired != before.desired:
            name = self._metrics.name
            about = {"app": name, "decision": record.document()}
            log.info("%s: replicas wanted: %d (%s)", name, decision.desired, decision.reason, extra=about)
        else:
            log.debug("%s: replicas wanted: still %d (%s)", self._metrics.name, decision.desired, decision.reason)

    def _observe(self, now: float) -> Observation:
        """What the pool knows, and what it does not."""
        metrics = self._metrics
        used = [usage for replica in self._pool if replica.routable and (usage := metrics.usage.get(replica.id))]
        seen = replace(
            observe(self._pool, now),
            wall=datetime.now(UTC),
            cold_start=metrics.cold_start.estimate,
            cpu_ratio=fmean(usage.cpu_ratio for usage in used) if used else None,
            memory_ratio=fmean(usage.memory_bytes for usage in used) / self._hardware.memory_bytes if used else None,
            override=self.override,
        )
        return replace(seen, forecast=self._prediction.look(seen)) if self._prediction else seen


def _said(override: Override) -> tuple[str, str]:
    limits = (override.min_replicas, override.max_replicas)
    least, most = ("as configured" if limit is None else str(limit) for limit in limits)
    return least, most

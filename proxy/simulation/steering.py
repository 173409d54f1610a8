"""The simulated counterpart of the live loop: observe, decide, apply, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from proxy.config import Scaling
from proxy.core.autoscaler.apply import apply
from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.forecaster import Forecaster
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation, observe
from proxy.core.autoscaler.policy import Policy
from proxy.core.pool import Pool
from proxy.simulation.clock import Clock
from proxy.simulation.fleet import SimulatedFleet

TICK_SECONDS = 1.0
_GATHER_SECONDS = 0.01
# When a trace begins: a Monday, 00:00.
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Steered:
    """What a loop steers."""

    pool: Pool
    fleet: SimulatedFleet
    clock: Clock


class Steering:
    """Decides every second, and at once when woken; events within 10 ms are gathered."""

    def __init__(self, settings: Scaling, steered: Steered, policy: Policy | None) -> None:
        self._settings = settings
        self._pool, self._fleet, self._clock = steered.pool, steered.fleet, steered.clock
        self._memory = Memory.fresh(settings, 0.0)
        if policy is not None:
            self._memory = replace(self._memory, policy=policy)
        self._forecaster = Forecaster(UTC) if settings.predictive else None
        self._looked_at = -_GATHER_SECONDS
        self._woken = False
        self._pool.on_wait = self.wake
        self._fleet.changed = self.wake

    def tick(self, now: float) -> None:
        self._step(now)

    def wake(self) -> None:
        if self._woken:
            return
        self._woken = True
        self._clock.at(max(self._clock.now, self._looked_at + _GATHER_SECONDS), self._woken_step)

    def _woken_step(self, now: float) -> None:
        self._woken = False
        self._step(now)

    def _step(self, now: float) -> None:
        self._looked_at = now
        decision, self._memory = decide(self._settings, self._observe(now), self._memory, now)
        apply(decision.desired, self._pool, self._fleet, now)

    def _observe(self, now: float) -> Observation:
        wall = BEGIN + timedelta(seconds=now)
        seen = observe(self._pool, now, wall, self._fleet.cold_starts.estimate)
        if self._forecaster is None:
            return seen
        if self._forecaster.stale(wall):
            self._forecaster.learn(self._forecaster.fit(wall), wall)
        return replace(seen, forecast=self._forecaster.look(seen))

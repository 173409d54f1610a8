"""An autoscaler that is shown an app at given times, and remembers as the real loop does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from proxy.config import Scaling
from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation
from proxy.core.demand import DemandSample

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def settings(**given: object) -> Scaling:
    """One request for each replica, up to 100 of them, a minute of cooldown; where the test does not say otherwise."""
    return Scaling.model_validate({"replica_concurrency": 1, "max_replicas": 100, "cooldown_seconds": 60} | given)


def observed(
    seconds: float, in_flight: int = 0, queued: int = 0, *, mean: float | None = None, refused: int = 0
) -> Observation:
    """`mean` is what there is now, where it is not given."""
    demand = in_flight + queued
    sample = DemandSample(seconds, demand if mean is None else mean, arrivals=demand + refused, refused=refused)
    return Observation(sample, in_flight, queued, replicas=0)


class Autoscaler:
    """Times are seconds since EPOCH; `about` is what else is seen at every look from then on."""

    def __init__(self, **given: object) -> None:
        self.settings = settings(**given)
        self._memory = Memory.fresh(self.settings, 0.0)
        self._looked_at = 0.0
        self._about: dict[str, Any] = {}  # fields of Observation are of any type

    def sees(self, **about: Any) -> Autoscaler:  # Any: fields of Observation
        self._about |= about
        return self

    def measured(self, service_seconds: float, cold_start_seconds: float) -> Autoscaler:
        return self.sees(service_seconds=service_seconds, cold_start=ColdStart(cold_start_seconds))

    def at(
        self, now: float, in_flight: int = 0, queued: int = 0, *, mean: float | None = None, refused: int = 0
    ) -> Decision:
        seen = observed(now - self._looked_at, in_flight, queued, mean=mean, refused=refused)
        return self.look(replace(seen, wall=EPOCH + timedelta(seconds=now)), now)

    def look(self, seen: Observation, now: float) -> Decision:
        self._looked_at = now
        decision, self._memory = decide(self.settings, replace(seen, **self._about), self._memory, now)
        return decision

    def arrive(self, now: float, count: int) -> Decision:
        """So many requests have come since the look before, and are answered."""
        sample = DemandSample(now - self._looked_at, 0.0, count)
        return self.look(Observation(sample, 0, 0, 0), now)

    def until(self, now: float, in_flight: int = 0) -> Decision:
        """Look every second."""
        while self._looked_at < now:
            decision = self.at(self._looked_at + 1, in_flight)
        return decision

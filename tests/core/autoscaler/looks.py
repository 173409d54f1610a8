"""An autoscaler that is shown an app at given times, and remembers as the real loop does."""

from __future__ import annotations

from proxy.config import Scaling
from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.observation import Observation
from proxy.core.demand import DemandSample


def settings(**given: float | str) -> Scaling:
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
    def __init__(self, **given: float | str) -> None:
        self.settings = settings(**given)
        self._memory = Memory.fresh(self.settings, 0.0)
        self._looked_at = 0.0

    def at(
        self, now: float, in_flight: int = 0, queued: int = 0, *, mean: float | None = None, refused: int = 0
    ) -> Decision:
        seen = observed(now - self._looked_at, in_flight, queued, mean=mean, refused=refused)
        self._looked_at = now
        decision, self._memory = decide(self.settings, seen, self._memory, now)
        return decision

    def until(self, now: float, in_flight: int = 0) -> Decision:
        """Look every second."""
        while self._looked_at < now:
            decision = self.at(self._looked_at + 1, in_flight)
        return decision

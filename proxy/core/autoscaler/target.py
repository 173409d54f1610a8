"""The `target` policy: as many replicas as keep the mean of the metric at its target."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.core.window import MaxWindow, MeanWindow


@dataclass(frozen=True, slots=True)
class Target:
    """What the policy remembers: the metric over the evaluation interval, its wishes over the cooldown."""

    metric: MeanWindow
    wanted: MaxWindow
    busy_at: float  # when there last was demand

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> Target:
        return cls(MeanWindow(settings.evaluation_interval_seconds), MaxWindow(settings.cooldown_seconds), now)

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, Target]:
        sample = seen.sample
        busy = seen.demand > 0 or sample.arrivals > 0 or sample.mean > 0
        metric = self.metric.add(now, sample.seconds, sample.mean)
        looked = replace(self, metric=metric, busy_at=now if busy else self.busy_at)
        idle_seconds = now - looked.busy_at
        if idle_seconds > 0 and idle_seconds >= settings.cooldown_seconds:
            return _idle(idle_seconds), looked._forget(now, idle_seconds)
        observed = metric.mean(now)
        terms = _terms(settings, seen, observed)
        count = max(term.count for term in terms)
        wanted = self.wanted.add(now, min(count, limits.max_replicas))
        why = f"not yet lower for the whole cooldown of {settings.cooldown_seconds:g} s"
        return Wish(count, wanted.max, terms, observed, why), replace(looked, wanted=wanted)

    def _forget(self, now: float, idle_seconds: float) -> Target:
        """After a whole cooldown without a request, what was before it says nothing any more."""
        metric = MeanWindow(self.metric.span).add(now, idle_seconds, 0.0)
        return replace(self, metric=metric, wanted=MaxWindow(self.wanted.span))


def _idle(seconds: float) -> Wish:
    return Wish(0, 0, (Term("idle", 0, f"no request for {seconds:.0f} s"),), 0.0)


def _terms(settings: Scaling, seen: Observation, observed: float) -> tuple[Term, ...]:
    first = concurrency(settings, observed)
    refused = seen.sample.refused  # they wait nowhere, yet wanted a slot as much as those in line
    if not seen.queued and not refused:
        return (first,)
    needed = math.ceil((seen.demand + refused) / settings.replica_concurrency)
    why = f"{seen.in_flight} in flight + {seen.queued} queued" + (f" + {refused} refused" if refused else "")
    return (first, Term("queue", needed, f"{why} ÷ {settings.replica_concurrency} per replica"))


def concurrency(settings: Scaling, mean_demand: float) -> Term:
    """Mean of the requests in flight or queued over replica_concurrency × target %."""
    per_replica = settings.replica_concurrency * settings.target / 100
    count = round_up(mean_demand / per_replica)
    span = settings.evaluation_interval_seconds
    return Term("concurrency", count, f"mean demand {mean_demand:.2f} over {span:g} s ÷ {per_replica:g} per replica")


def round_up(value: float) -> int:
    """Ceiling that forgives the rounding of a mean: 3.0000000001 replicas are 3."""
    return math.ceil(value - 1e-6)

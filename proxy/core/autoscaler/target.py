"""The `target` policy: as many replicas as keep the mean of the metric at its target, and slots for those who wait."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.line import queue_term
from proxy.core.autoscaler.metric import METRICS
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.core.window import MaxWindow, MeanWindow


@dataclass(frozen=True, slots=True)
class Target:
    """What the policy remembers: the metric over the evaluation interval, its wishes over the cooldown."""

    values: MeanWindow
    wanted: MaxWindow
    busy_at: float  # when there last was demand

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> Target:
        values = MeanWindow(settings.evaluation_interval_seconds)
        if settings.metric == "requests_per_second":  # one request in the first millisecond is no 1000 per second
            values = values.add(now, values.span, 0.0)
        return cls(values, MaxWindow(settings.cooldown_seconds), now)

    def follow(self, settings: Scaling) -> Target:
        """What stays true under other settings of the same metric."""
        values = self.values.spanning(settings.evaluation_interval_seconds)
        return Target(values, self.wanted.spanning(settings.cooldown_seconds), self.busy_at)

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, Target]:
        metric = METRICS[settings.metric]
        value = metric.measure(seen)
        values = self.values if value is None else self.values.add(now, seen.sample.seconds, value)
        busy_at = now if seen.busy else self.busy_at
        idle_seconds = now - busy_at
        if idle_seconds > 0 and idle_seconds >= settings.cooldown_seconds:
            # After a whole cooldown without a request, what was before it says nothing any more.
            fresh = Target.fresh(settings, now)
            idle_values = fresh.values.add(now, idle_seconds, value or 0.0)
            return _idle(idle_seconds), Target(idle_values, fresh.wanted, busy_at)
        observed = values.mean(now)
        # The first of equals is named as the reason: those who wait say more than a mean.
        terms = [queue_term(settings, seen), metric.term(settings, observed)]
        given = tuple(term for term in terms if term is not None)
        count = max(term.count for term in given)
        wanted = self.wanted.add(now, min(count, limits.max_replicas))
        return Wish(count, wanted.max, given, observed), Target(values, wanted, busy_at)


def _idle(seconds: float) -> Wish:
    return Wish(0, 0, (Term("idle", 0, f"no request for {seconds:.0f} s"),), 0.0)

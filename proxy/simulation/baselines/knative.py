"""Knative's autoscaler with its defaults.

Source: knative.dev/docs/serving/autoscaling (KPA: stable and panic mode, window 60 s, panic window 10 %, panic
threshold 200 %, target utilization 70 %, max-scale-up-rate 1000, max-scale-down-rate 2) and
github.com/knative/serving, pkg/autoscaler/scaling/autoscaler.go; the tick is 2 s. In a cluster it knows nothing of the
first request's moment; here the first tick comes half a second after that.
"""

from __future__ import annotations

import math

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.simulation.baselines.average import Average

FIRST_TICK_SECONDS = 0.5
_TICK_SECONDS = 2.0
_STABLE_SECONDS, _PANIC_SECONDS = 60.0, 6.0
_UTILIZATION = 0.7
_PANIC_THRESHOLD = 2.0
_UP_RATE, _DOWN_RATE = 1000.0, 2.0


class Knative:
    """A look changes it in place, and it is its own next value."""

    def __init__(self, concurrency: int) -> None:
        self._target = concurrency * _UTILIZATION
        self._average = Average(_STABLE_SECONDS)
        self._due = FIRST_TICK_SECONDS
        self._panicked_at: float | None = None
        self._most_in_panic = 0
        self._wanted = 0
        self._stable = 0.0

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, Knative]:
        self._average.add(now, seen.sample)
        if now >= self._due:
            self._due += _TICK_SECONDS
            self._tick(max(1, seen.ready), now)
        elif seen.queued and not self._wanted:
            self._wanted = 1  # the activator's poke
        term = Term("knative", self._wanted, f"mean demand {self._stable:.2f} over 60 s")
        return Wish(self._wanted, self._wanted, (term,), self._stable), self

    def _tick(self, ready: int, now: float) -> None:
        self._stable = self._average.over(_STABLE_SECONDS, now)
        stable, panic = (
            self._limited(math.ceil(mean / self._target - 1e-9), ready)
            for mean in (self._stable, self._average.over(_PANIC_SECONDS, now))
        )
        if panic / ready >= _PANIC_THRESHOLD:
            self._most_in_panic = 0 if self._panicked_at is None else self._most_in_panic
            self._panicked_at = now
        elif self._panicked_at is not None and now - self._panicked_at > _STABLE_SECONDS:
            self._panicked_at = None
        if self._panicked_at is not None:  # in panic nothing is given back
            self._most_in_panic = max(self._most_in_panic, stable, panic)
        self._wanted = stable if self._panicked_at is None else self._most_in_panic
        if not self._stable:
            self._wanted = 0

    def _limited(self, count: int, ready: int) -> int:
        return min(max(count, math.floor(ready / _DOWN_RATE)), math.ceil(_UP_RATE * ready))

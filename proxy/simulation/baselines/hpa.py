"""Kubernetes' HorizontalPodAutoscaler on the demand per replica, at 70 %, with its defaults.

Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale (algorithm details, scaling policies:
every 15 s, tolerance 10 %, up by at most 4 pods or 100 % in 15 s, down to the highest of the last 300 s).
"""

from __future__ import annotations

import math

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.core.window import MaxWindow
from proxy.simulation.baselines.average import Average

_SYNC_SECONDS = 15.0
_STABILIZATION_SECONDS = 300.0
# A recommendation is made every 15 s, and the one of 300 s ago is just over.
_RECOMMENDED_SECONDS = _STABILIZATION_SECONDS - _SYNC_SECONDS
_UTILIZATION = 0.7
_TOLERANCE = 0.1
_FEW_PODS = 4


class HorizontalPodAutoscaler:
    """A look changes it in place, and it is its own next value. It never goes below one replica."""

    def __init__(self, concurrency: int) -> None:
        self._target = concurrency * _UTILIZATION
        self._average = Average(_SYNC_SECONDS)
        self._synced_at = 0.0
        self._recommended = MaxWindow(_RECOMMENDED_SECONDS)
        self._wanted: int | None = None
        self._mean = 0.0

    def look(
        self, settings: Scaling, seen: Observation, limits: Limits, now: float
    ) -> tuple[Wish, HorizontalPodAutoscaler]:
        self._average.add(now, seen.sample)
        if self._wanted is None:  # it takes over what runs; what was recommended before is not known
            self._wanted, self._synced_at = max(1, seen.replicas), now
        wanted = self._wanted
        if now - self._synced_at >= _SYNC_SECONDS - 1e-6:
            self._synced_at = now
            self._mean = self._average.over(_SYNC_SECONDS, now)
            wanted = self._sync(wanted, now)
        self._wanted = wanted
        term = Term("hpa", wanted, f"mean demand {self._mean:.2f} over 15 s")
        return Wish(wanted, wanted, (term,), self._mean), self

    def _sync(self, current: int, now: float) -> int:
        ratio = self._mean / (current * self._target)
        within = abs(ratio - 1) <= _TOLERANCE
        recommended = max(1, current if within else math.ceil(current * ratio - 1e-9))
        self._recommended = self._recommended.add(now, recommended)
        if recommended < current:
            recommended = self._recommended.max
        return min(recommended, max(2 * current, current + _FEW_PODS))

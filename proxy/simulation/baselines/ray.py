"""Ray Serve's autoscaler with its defaults and one ongoing request for each slot as the target.

Source: docs.ray.io/en/latest/serve/advanced-guides/advanced-autoscaling.html and
github.com/ray-project/ray, python/ray/serve/autoscaling_policy.py: metrics_interval_s 10, look_back_period_s 30,
upscale_delay_s 30, downscale_delay_s 600, smoothing 1, min_replicas 1. Decisions are made from the last report of the
metrics, which is up to 10 s old.
"""

from __future__ import annotations

import math

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.simulation.baselines.average import Average

_TICK_SECONDS = 1.0
_REPORT_SECONDS = 10.0
_LOOK_BACK_SECONDS = 30.0
_UP_DELAY_SECONDS, _DOWN_DELAY_SECONDS = 30.0, 600.0


class RayServe:
    """A look changes it in place, and it is its own next value."""

    def __init__(self, concurrency: int) -> None:
        self._target = float(concurrency)
        self._average = Average(_LOOK_BACK_SECONDS)
        self._ticked_at = self._reported_at = -math.inf
        self._since = 0.0
        self._side = 0  # 1: more have been wanted since then, -1: fewer
        self._wanted = 0
        self._mean = 0.0

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, RayServe]:
        self._average.add(now, seen.sample)
        self._wanted = self._wanted or max(1, seen.replicas)  # at first it takes over what runs
        if now - self._ticked_at >= _TICK_SECONDS - 1e-6:
            self._ticked_at = now
            self._report(now)
            self._tick(max(1, math.ceil(self._mean / self._target - 1e-9)), now)
        term = Term("ray", self._wanted, f"mean demand {self._mean:.2f} over 30 s")
        return Wish(self._wanted, self._wanted, (term,), self._mean), self

    def _report(self, now: float) -> None:
        if now - self._reported_at >= _REPORT_SECONDS - 1e-6:
            self._reported_at = now
            self._mean = self._average.over(_LOOK_BACK_SECONDS, now)

    def _tick(self, desired: int, now: float) -> None:
        side = (desired > self._wanted) - (desired < self._wanted)
        if side != self._side:
            self._side, self._since = side, now
        delay = _UP_DELAY_SECONDS if side > 0 else _DOWN_DELAY_SECONDS
        if side and now - self._since >= delay:
            self._wanted, self._side = desired, 0

"""The `target` policy: as many replicas as keep the mean of the metric at its target."""

from __future__ import annotations

import math

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term


def concurrency(settings: Scaling, mean_demand: float) -> Term:
    """Mean of the requests in flight or queued over replica_concurrency × target %."""
    per_replica = settings.replica_concurrency * settings.target / 100
    count = round_up(mean_demand / per_replica)
    span = settings.evaluation_interval_seconds
    return Term("concurrency", count, f"mean demand {mean_demand:.2f} over {span:g} s ÷ {per_replica:g} per replica")


def round_up(value: float) -> int:
    """Ceiling that forgives the rounding of a mean: 3.0000000001 replicas are 3."""
    return math.ceil(value - 1e-6)

"""Other autoscalers' documented algorithms, to compare with on the same trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from proxy.core.autoscaler.policy import Policy
from proxy.simulation.baselines.hpa import HorizontalPodAutoscaler
from proxy.simulation.baselines.knative import FIRST_TICK_SECONDS, Knative
from proxy.simulation.baselines.ray import RayServe


class Baseline(NamedTuple):
    """One of them: built with replica_concurrency, it looks every second from its first look on."""

    make: Callable[[int], Policy]
    first_look_seconds: float = 0.0


# By what they are called on the command line.
BASELINES: Mapping[str, Baseline] = {
    "knative": Baseline(Knative, FIRST_TICK_SECONDS),
    "hpa": Baseline(HorizontalPodAutoscaler),
    "ray": Baseline(RayServe),
}

"""Other autoscalers' documented algorithms, to compare with on the same trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.core.autoscaler.policy import Policy
from proxy.simulation.baselines.hpa import HorizontalPodAutoscaler
from proxy.simulation.baselines.knative import Knative
from proxy.simulation.baselines.ray import RayServe

# By what they are called on the command line; each is built with replica_concurrency.
BASELINES: Mapping[str, Callable[[int], Policy]] = {
    "knative": Knative,
    "hpa": HorizontalPodAutoscaler,
    "ray": RayServe,
}

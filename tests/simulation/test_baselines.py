"""Other autoscalers' documented rules, one look a second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from proxy.config import Scaling
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.policy import Policy
from proxy.simulation.baselines.hpa import HorizontalPodAutoscaler
from proxy.simulation.baselines.knative import Knative
from proxy.simulation.baselines.ray import RayServe
from tests.core.autoscaler.looks import observed

_SETTINGS = Scaling.model_validate({"replica_concurrency": 10, "max_replicas": 1000})


class Watch:
    """An autoscaler that is shown a steady demand, and replicas as it wanted them a look before."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._now = 0.0
        self.wanted = 0

    def for_seconds(self, seconds: int, demand: int) -> int:
        for _ in range(seconds):
            self._now += 1
            seen = replace(observed(1.0, in_flight=demand), ready=self.wanted, replicas=self.wanted)
            wish, self._policy = self._policy.look(_SETTINGS, seen, Limits(0, 1000), self._now)
            self.wanted = wish.count
        return self.wanted


def test_knative_aims_at_70_percent_of_the_concurrency() -> None:
    assert Watch(Knative(10)).for_seconds(200, demand=70) == 10


def test_knative_panics_within_seconds_when_demand_doubles_and_gives_nothing_back_for_a_minute() -> None:
    watch = Watch(Knative(10))
    watch.for_seconds(120, demand=14)
    assert watch.for_seconds(8, demand=70) == 10
    assert watch.for_seconds(50, demand=7) == 10


def test_knative_at_most_halves_its_replicas_in_a_tick() -> None:
    watch = Watch(Knative(10))
    watch.for_seconds(300, demand=700)
    wanted = [watch.for_seconds(2, demand=7) for _ in range(60)]
    assert all(after >= before // 2 for before, after in pairwise(wanted))


def test_knative_ticks_half_a_second_after_the_first_request_and_every_two_seconds() -> None:
    policy: Policy = Knative(10)
    wanted = []
    for look in range(9):
        seen = replace(observed(0.5, in_flight=70 * (look + 1)), ready=1)
        wish, policy = policy.look(_SETTINGS, seen, Limits(0, 1000), 0.5 * look)
        wanted.append(wish.count)
    assert [look for look in range(1, 9) if wanted[look] != wanted[look - 1]] == [1, 5]


def test_the_pod_autoscaler_tolerates_a_tenth() -> None:
    watch = Watch(HorizontalPodAutoscaler(10))
    assert watch.for_seconds(100, demand=70) == 10
    assert watch.for_seconds(100, demand=76) == 10
    assert watch.for_seconds(100, demand=80) == 12


def test_the_pod_autoscaler_goes_down_to_the_highest_of_five_minutes() -> None:
    watch = Watch(HorizontalPodAutoscaler(10))
    watch.for_seconds(100, demand=70)
    assert watch.for_seconds(280, demand=7) == 10
    assert watch.for_seconds(60, demand=7) == 1


@pytest.mark.parametrize("policy", [HorizontalPodAutoscaler(10), RayServe(10)])
def test_what_runs_already_is_taken_over(policy: Policy) -> None:
    watch = Watch(policy)
    watch.wanted = 7
    assert watch.for_seconds(10, demand=35) == 7


def test_ray_waits_30_seconds_up_and_600_down() -> None:
    watch = Watch(RayServe(10))
    assert watch.for_seconds(40, demand=70) == 1  # reported after 11 s, and 30 s more
    assert watch.for_seconds(2, demand=70) == 7
    assert watch.for_seconds(590, demand=20) == 7
    assert watch.for_seconds(60, demand=20) == 2


def test_ray_goes_by_what_was_reported_last() -> None:
    watch = Watch(RayServe(10))
    watch.for_seconds(12, demand=9)
    # Reported at 11, 21, 31 … s: what comes just after a report counts from the next one on.
    assert watch.for_seconds(38, demand=20) == 1
    assert watch.for_seconds(2, demand=20) == 2


def test_the_pod_autoscaler_remembers_what_it_recommended_for_300_seconds() -> None:
    watch = Watch(HorizontalPodAutoscaler(10))
    watch.for_seconds(17, demand=35)
    assert watch.wanted == 5
    assert [watch.for_seconds(15, demand=7) for _ in range(20)] == [5] * 19 + [2]

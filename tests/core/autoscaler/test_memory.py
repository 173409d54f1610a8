"""What the autoscaler still knows when its settings change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.config import Scaling
from proxy.core.autoscaler.load_thresholds import LoadThresholds
from proxy.core.autoscaler.memory import Memory
from proxy.core.autoscaler.objective.policy import Objective
from proxy.core.autoscaler.target import Target
from proxy.core.window import MaxWindow, MeanWindow


def settings(**given: object) -> Scaling:
    return Scaling.model_validate({"replica_concurrency": 1, "max_replicas": 10, **given})


def test_another_interval_keeps_the_demand_of_before() -> None:
    before, after = settings(), settings(evaluation_interval_seconds=60, cooldown_seconds=100)
    target = replace(Target.fresh(before, 0), values=MeanWindow(30).add(10, 10, 4.0), wanted=MaxWindow(10).add(9, 5))
    memory = Memory.fresh(before, 0).follow(before, after, 10)
    memory = replace(memory, policy=target).follow(before, after, 10)
    assert isinstance(memory.policy, Target)
    assert (memory.policy.values.span, memory.policy.values.mean(10)) == (60, 4.0)
    assert (memory.policy.wanted.span, memory.policy.wanted.max, memory.extra.span) == (100, 5, 100)


@pytest.mark.parametrize("after", [settings(metric="requests_per_second"), settings(policy="load-thresholds")])
def test_another_measure_begins_anew(after: Scaling) -> None:
    before = settings()
    target = replace(Target.fresh(before, 0), values=MeanWindow(30).add(10, 10, 4.0), wanted=MaxWindow(10).add(9, 5))
    memory = replace(Memory.fresh(before, 0), policy=target, began=1.0).follow(before, after, 10)
    assert memory.policy != target
    assert memory.began == 1.0


def test_other_thresholds_keep_the_count() -> None:
    before = settings(policy="load-thresholds")
    policy = replace(LoadThresholds.fresh(before, 0), count=4, since=3.0)
    memory = replace(Memory.fresh(before, 0), policy=policy)
    after = memory.follow(before, settings(policy="load-thresholds", scale_up_delay_seconds=300), 10).policy
    assert isinstance(after, LoadThresholds)
    assert (after.count, after.since, after.in_flight.span) == (4, 3.0, 30)


def test_the_objective_learns_anew_only_for_another_promise() -> None:
    before = settings(policy="objective")
    memory = Memory.fresh(before, 0)
    assert isinstance(memory.policy, Objective)
    assert memory.follow(before, settings(policy="objective", max_replicas=20), 1).policy is memory.policy
    assert memory.follow(before, settings(policy="objective", wait_seconds=1), 1).policy is not memory.policy

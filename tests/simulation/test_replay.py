"""What a run costs and how long requests wait, on traces that can be reckoned by hand."""

from __future__ import annotations

import pytest

from proxy.config import Scaling
from proxy.core.balancers.first_available import FirstAvailable
from proxy.simulation.oracle import zero_wait_seconds
from proxy.simulation.outcome import Outcome
from proxy.simulation.replay import Conditions, Plan, replay
from proxy.simulation.trace import Call


def run(calls: list[Call], cold_start: float = 3.0, warm_up: float = 0.0, **given: object) -> Outcome:
    limits = {"replica_concurrency": 1, "max_replicas": 100, "cooldown_seconds": 10}
    scaling = Scaling.model_validate(limits | given)
    plan = Plan("here", scaling.policy, scaling, FirstAvailable, queue_length=10, queue_seconds=60.0)
    return replay(calls, plan, Conditions(cold_start, warm_up))


def test_three_requests_at_once_wait_for_three_cold_starts() -> None:
    outcome = run([Call(1.0, 2.0), Call(1.0, 2.0), Call(1.0, 2.0), Call(100.0, 1.0)])
    assert (outcome.cold_starts, outcome.max_replicas, outcome.requests) == (3, 3, 4)
    assert outcome.waits.p50 == pytest.approx(3.0, abs=0.02)  # events within 10 ms are gathered
    assert outcome.waits.max == pytest.approx(3.0, abs=0.02)  # events within 10 ms are gathered


def test_a_replica_costs_from_its_start_until_the_cooldown_is_over() -> None:
    """Started at 1, ready at 4, idle from 6 on; the mean of 30 s and the cooldown of 10 s let it go."""
    outcome = run([Call(1.0, 2.0), Call(100.0, 1.0)])
    assert outcome.replica_seconds == pytest.approx(16.0, abs=1.0)


def test_the_limit_of_a_replica_is_never_exceeded() -> None:
    outcome = run([Call(0.1, 10.0), Call(0.2, 10.0), Call(60.0, 1.0)], max_replicas=1)
    assert outcome.waits.max == pytest.approx(12.9, abs=0.1)


def test_the_warm_up_counts_neither_in_cost_nor_in_waiting() -> None:
    calls = [Call(1.0, 2.0), Call(50.0, 1.0), Call(51.0, 1.0)]
    outcome = run(calls, warm_up=40.0, min_replicas=2)
    assert outcome.requests == 2
    assert outcome.replica_seconds == pytest.approx(22.0)
    assert outcome.waits.max == 0


BUSY_BEFORE = [Call(1.0, 30.0)] * 3 + [Call(40.0, 1.0), Call(200.0, 1.0)]


def test_with_a_warm_up_it_begins_with_ready_replicas_for_the_first_two_minutes() -> None:
    outcome = run(BUSY_BEFORE, warm_up=1.0, cold_start=20.0)
    assert outcome.waits.max == 0
    assert outcome.moments[0].ready == 3


def test_it_begins_within_its_limits() -> None:
    assert run(BUSY_BEFORE, warm_up=1.0, max_replicas=2).moments[0].ready == 2
    assert run(BUSY_BEFORE, warm_up=1.0, min_replicas=5).moments[0].ready == 5


def test_without_a_warm_up_it_begins_with_nothing_ready() -> None:
    assert run(BUSY_BEFORE).moments[0].replicas == 0


def test_who_is_refused_counts_as_late() -> None:
    outcome = run([Call(1.0, 2.0)] * 11 + [Call(50.0, 1.0)], max_replicas=1, cold_start=5.0)
    assert outcome.refused == 1
    assert outcome.late_share == pytest.approx(11 / 12)


def test_a_run_gives_the_same_figures_each_time() -> None:
    calls = [Call(index * 0.7, 1.0 + index % 5) for index in range(300)]
    first, second = (run(calls, policy="objective").document() for _ in range(2))
    assert first == second


def test_the_printed_object_has_the_documented_keys() -> None:
    document = run([Call(1.0, 2.0), Call(9.0, 1.0)]).document()
    assert list(document) == [
        *("policy", "requests", "replica_seconds", "cold_starts", "max_replicas", "wait_seconds", "late_share")
    ]
    assert document["policy"] == "target"


def test_the_oracle_pays_a_gap_or_a_cold_start_whichever_is_shorter() -> None:
    calls = [Call(10.0, 2.0), Call(14.0, 1.0), Call(100.0, 5.0), Call(105.0, 1.0)]
    # 3 to start, 2 busy, 2 of gap, 1 busy, 3 to start, 5 busy; the run ends with the last arrival.
    assert zero_wait_seconds(calls, 1, Conditions(cold_start=3.0)) == pytest.approx(16.0)

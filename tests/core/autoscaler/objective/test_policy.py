"""The policy as a whole, with fakes of nothing: a simulated app."""

from __future__ import annotations

from random import Random

import pytest

from proxy.config import Scaling
from proxy.core.balancers.first_available import FirstAvailable
from proxy.simulation.outcome import Outcome
from proxy.simulation.replay import Conditions, Plan, replay
from proxy.simulation.trace import Call


def steady(rate: float, seconds: float, service: float) -> list[Call]:
    random, at, calls = Random(7), 0.0, []
    while at < seconds:
        at += random.expovariate(rate)
        calls.append(Call(at, random.expovariate(1 / service)))
    return calls


def run(calls: list[Call], cold_start: float, **given: object) -> Outcome:
    limits = {"replica_concurrency": 1, "max_replicas": 500, "policy": "objective"}
    scaling = Scaling.model_validate(limits | given)
    plan = Plan("here", "objective", scaling, FirstAvailable, queue_length=10**6, queue_seconds=900.0)
    return replay(calls, plan, Conditions(cold_start, warm_up=600.0))


CALLS = steady(rate=2.0, seconds=1800.0, service=3.0)


@pytest.mark.parametrize("cold_start", [2.0, 20.0])
def test_the_promise_holds_on_steady_traffic(cold_start: float) -> None:
    calls = steady(rate=2.0, seconds=7200.0, service=3.0)
    assert run(calls, cold_start).late_share <= 0.01


def test_rare_requests_are_remembered_until_they_tell_whether_the_promise_holds() -> None:
    random = Random(8)
    groups = [120 * group + random.uniform(0, 60) for group in range(100)]
    calls = [Call(begin + 0.1 * place, 5.0) for begin in groups for place in range(random.randint(1, 5))]
    assert run(calls, 30.0).late_share <= 0.01


def test_a_dearer_price_waits_less_and_costs_more() -> None:
    cheap, dear = (run(CALLS, 20.0, wait_price=price) for price in (0.3, 30.0))
    assert dear.waits.mean < cheap.waits.mean / 2
    assert dear.replica_seconds > cheap.replica_seconds


def test_an_app_without_requests_goes_to_zero_and_stays_there() -> None:
    calls = [*steady(rate=1.0, seconds=700.0, service=1.0), Call(30_000.0, 1.0)]
    outcome = run(calls, 10.0)
    assert outcome.moments[-1].replicas == 0


def test_it_keeps_within_max_replicas() -> None:
    assert run(CALLS, 20.0, max_replicas=4).max_replicas == 4

"""What a forecast does to a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.expectation import forecast_term
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.memory import Memory
from tests.core.autoscaler.looks import observed, settings

BUSY = Forecast(demand=12.0, requests_per_second=9.0, ahead_seconds=45.0, days=5)
QUIET = Forecast(demand=0.0, requests_per_second=0.0, ahead_seconds=45.0, days=5)


def foreseen(forecasts: dict[float, Forecast], until: float, **given: float | str) -> list[Decision]:
    """A look every second at an app without requests; a forecast holds until the next."""
    scaling = settings(**given)
    memory = Memory.fresh(scaling, 0.0)
    forecast, decisions = None, []
    for now in range(int(until) + 1):
        forecast = forecasts.get(now, forecast)
        decision, memory = decide(scaling, replace(observed(1.0), forecast=forecast), memory, float(now))
        decisions.append(decision)
    return decisions


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, 12),
        ({"replica_concurrency": 4}, 3),
        ({"replica_concurrency": 4, "target": 70}, 5),
        ({"metric": "requests_per_second", "target": 5}, 2),
        ({"metric": "cpu_utilization", "min_replicas": 1, "target": 50, "replica_concurrency": 6}, 2),
    ],
)
def test_expected_demand_is_divided_by_what_a_replica_should_have(given: dict[str, float | str], count: int) -> None:
    assert forecast_term(settings(**given), BUSY).count == count


def test_replicas_are_there_before_the_first_request() -> None:
    decision = foreseen({0: BUSY}, 0)[-1]
    assert decision.desired == 12
    assert decision.reason == (
        "forecast wants 12: 12.00 requests at once expected within 45 s, from 5 days of history, ÷ 1 per replica"
    )


def test_a_forecast_never_asks_for_more_than_max_replicas() -> None:
    decision = foreseen({0: BUSY}, 0, max_replicas=3)[-1]
    assert decision.desired == 3
    assert decision.clamp == "max_replicas"


def test_a_wrong_forecast_is_given_back_after_the_cooldown() -> None:
    decisions = foreseen({0: BUSY, 100: replace(QUIET, came=0.0)}, 161, cooldown_seconds=60)
    assert [decisions[now].desired for now in (99, 100, 159, 161)] == [12, 12, 12, 0]
    assert "only 0 % of what was expected of the last minutes came" in decisions[100].terms[-1].why


def test_without_predictive_there_is_no_such_term() -> None:
    assert [term.name for term in foreseen({}, 0)[-1].terms] == ["concurrency"]

"""The `predictive` policy in virtual time: an app whose past week had a peak every day at half past midnight."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest

from proxy.config import Scaling
from proxy.core.autoscaler.forecaster import Forecaster
from proxy.core.balancers.first_available import FirstAvailable
from proxy.simulation import steering
from proxy.simulation.outcome import Outcome
from proxy.simulation.replay import Conditions, Plan, replay
from proxy.simulation.trace import Call
from tests.core.autoscaler.days import lived

PEAK, COLD_START, COOLDOWN = 30 * 60.0, 45.0, 60
# What is expected is started so much sooner than a start takes; forecasts are of whole minutes.
MARGIN = 15.0
EARLY = [Call(60.0, 5.0)]  # so that a start has been measured
LAST = [Call(PEAK + 600, 1.0)]
AS_USUAL = [Call(PEAK + 0.01 * number, 6.0) for number in range(10)]


def at_half_past_midnight(moment: datetime) -> float:
    return 10.0 if moment.hour == 0 and 30 <= moment.minute < 40 else 0.0


def with_a_past(zone: tzinfo) -> Forecaster:
    forecaster = Forecaster(zone)
    forecaster.history.add(lived(steering.BEGIN - timedelta(days=7), 7, at_half_past_midnight, zone))
    return forecaster


@pytest.fixture(autouse=True)
def _past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "Forecaster", with_a_past)


def run(calls: list[Call], max_replicas: int = 20) -> Outcome:
    given = {"predictive": True, "max_replicas": max_replicas, "cooldown_seconds": COOLDOWN}
    scaling = Scaling.model_validate({"replica_concurrency": 1, "evaluation_interval_seconds": 6} | given)
    plan = Plan("here", scaling.policy, scaling, FirstAvailable, queue_length=100, queue_seconds=600.0)
    return replay([*EARLY, *calls, *LAST], plan, Conditions(COLD_START))


def replicas(outcome: Outcome, at: float) -> int:
    return next(moment.replicas for moment in outcome.moments if moment.at >= at)


def test_replicas_start_one_cold_start_before_the_daily_peak() -> None:
    outcome = run(AS_USUAL)
    start = PEAK - COLD_START - MARGIN
    assert (replicas(outcome, start - 2), replicas(outcome, start + 2)) == (0, 10)
    assert outcome.cold_starts == 1 + 10
    assert outcome.waits.p95 == pytest.approx(COLD_START, abs=1)  # the very first one's: 1 of 12
    assert outcome.waits.p50 == 0


def test_a_forecast_never_wants_more_than_max_replicas() -> None:
    outcome = run(AS_USUAL, max_replicas=4)
    assert replicas(outcome, PEAK - 5) == 4
    assert outcome.max_replicas == 4


def test_what_a_wrong_forecast_started_is_given_back_after_the_cooldown() -> None:
    """Nobody comes: after the two minutes that a peak may be late the habit is refuted."""
    outcome = run([])
    assert replicas(outcome, PEAK + 60) == 10
    refuted = PEAK + 3 * 60
    assert replicas(outcome, refuted + COOLDOWN + 10) == 0

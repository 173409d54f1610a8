from __future__ import annotations

import pytest

from proxy.core.autoscaler.objective.account import Times
from proxy.core.autoscaler.objective.rescue import Slots, just_in_time, served_within, worth_starting

NONE = Slots(concurrency=1, ready=0, starting=0)


def test_a_line_is_served_with_95_percent_certainty() -> None:
    """100 are expected; Poisson's 5 % quantile is 100 - 1.65 √100, and a little more for the smaller mean."""
    assert served_within(10.0, slots=10, service=1.0) == pytest.approx(84.8, abs=0.1)


def test_who_is_served_sooner_by_busy_replicas_starts_nothing() -> None:
    busy = Slots(concurrency=1, ready=10, starting=0)
    assert worth_starting(84, busy, Times(1.0, 10.0), price=1000.0) == 0
    assert worth_starting(86, busy, Times(1.0, 10.0), price=1000.0) == 2


def test_a_dear_second_starts_a_replica_for_each_and_a_cheap_one_few() -> None:
    times = Times(service=1.0, cold_start=10.0)
    assert worth_starting(40, NONE, times, price=1000.0) == 40
    assert worth_starting(40, NONE, times, price=0.2) == 4
    assert worth_starting(40, NONE, times, price=0.001) == 1


def test_the_first_request_starts_one_at_once() -> None:
    assert just_in_time([0.0], NONE, Times(1.0, 3.0), late_seconds=5.0) == 1


def test_a_start_waits_as_long_as_it_may() -> None:
    busy, times = Slots(concurrency=1, ready=1, starting=0), Times(service=60.0, cold_start=1.0)
    assert just_in_time([2.0] * 5, busy, times, late_seconds=5.0) == 0
    assert just_in_time([3.0] * 5, busy, times, late_seconds=5.0) == 5


def test_what_busy_slots_will_serve_in_time_needs_no_start() -> None:
    busy, times = Slots(concurrency=1, ready=10, starting=0), Times(service=0.5, cold_start=1.0)
    assert just_in_time([3.4] * 5, busy, times, late_seconds=5.0) == 0

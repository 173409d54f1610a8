from __future__ import annotations

import math

import numpy as np
import pytest

from proxy.core.autoscaler.objective.account import Account, Terms, Times

TIMES = Times(service=2.0, cold_start=10.0)
TERMS = Terms(rescue_price=1.0, late_seconds=5.0)


def account(arrived: int = 1000) -> Account:
    fresh = Account(concurrency=2, now=0.0)
    fresh.recent.arrived = arrived
    return fresh


def test_a_backlog_grows_by_what_the_slots_cannot_serve() -> None:
    """6 at once on k × 2 slots of 2 s each for a second: (6 - 2k) ÷ 2 are postponed."""
    seen = account()
    seen.advance(1.0, 6.0, TIMES, TERMS)
    assert seen.backlog[0][:5].tolist() == [3.0, 2.0, 1.0, 0.0, 0.0]


def test_a_somewhat_larger_burst_is_reckoned_beside() -> None:
    seen = account()
    seen.advance(1.0, 4.0, TIMES, TERMS)
    assert seen.backlog[1][0] == pytest.approx(3.0)


def test_waiting_fades_with_ten_cold_starts() -> None:
    seen = account()
    seen.advance(1.0, 6.0, TIMES, TERMS)
    seen.advance(2.0, 0.0, TIMES, TERMS)
    assert seen.waiting[0][2] == pytest.approx(1.0 * math.exp(-1 / 100))


@pytest.mark.parametrize(("cold_start", "seconds"), [(1.0, 30.0), (10.0, 100.0), (120.0, 360.0)])
def test_the_memory_is_held_within_bounds(cold_start: float, seconds: float) -> None:
    assert Times(1.0, cold_start).memory == seconds


@pytest.mark.parametrize(("telling", "seconds"), [(100.0, 360.0), (900.0, 900.0), (9000.0, 3600.0)])
def test_the_memory_reaches_as_far_back_as_the_requests_that_tell_a_share(telling: float, seconds: float) -> None:
    assert Times(1.0, 120.0, telling).memory == seconds


def test_a_backlog_older_than_a_cold_start_is_charged_as_rescues() -> None:
    seen = account(arrived=1)
    seen.advance(1.0, 6.0, TIMES, TERMS)
    assert seen.backlog[0][0] == 1.0
    assert seen.rescues[0][0] > 0
    assert seen.rescues[0][2] == 0


def test_weights_are_of_waiting_rescues_and_late_with_two_copies_each() -> None:
    seen = account(arrived=10)
    seen.advance(1.0, 20.0, TIMES, TERMS)
    sums = seen.weighed(np.array([[1.0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1]]))
    assert np.allclose(sums, [seen.waiting[0], seen.rescues[1], seen.late[0] + seen.late[1]])


def test_few_replicas_make_late_and_enough_do_not() -> None:
    seen = account(arrived=10)
    seen.advance(1.0, 20.0, TIMES, TERMS)
    assert seen.late[0][1] == 10
    assert seen.late[0][10] == 0


def test_nobody_is_late_where_a_start_is_fast_enough() -> None:
    seen = account(arrived=10)
    seen.advance(1.0, 20.0, Times(2.0, cold_start=3.0), TERMS)
    assert not seen.late.any()


def test_it_grows_with_the_demand_and_keeps_what_it_has() -> None:
    seen = account()
    seen.advance(1.0, 6.0, TIMES, TERMS)
    before = seen.waiting.copy()
    seen.reach(500.0)
    assert seen.size > 250
    assert np.array_equal(seen.waiting[:, :32], before)
    seen.advance(2.0, 500.0, TIMES, TERMS)
    assert seen.waiting[0][40] > 0

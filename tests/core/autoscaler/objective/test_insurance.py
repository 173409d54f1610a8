from __future__ import annotations

import pytest

from proxy.core.autoscaler.objective.insurance import Insurance, Sight, hazard

HOUR = 3600.0
COLD_START = 30.0
DEAR, CHEAP = 3000.0, 1.0


class Life:
    """An app that needs nothing, but for bursts of 25 s with eight late requests a second."""

    def __init__(self) -> None:
        self.insurance = Insurance()

    def burst(self, begin: float, needed: float = 10.0) -> None:
        for second in range(25):
            self.insurance.see(Sight(begin + second, 8, 0, needed), COLD_START)
        self.insurance.see(Sight(begin + 200, 0, 0, 0.0), COLD_START)

    def held(self, now: float, price: float = DEAR) -> int:
        return self.insurance.held(now, COLD_START, price)


def every(hours: int, times: int) -> Life:
    life = Life()
    for turn in range(times):
        life.burst(turn * hours * HOUR)
    return life


def test_nothing_is_held_for_an_app_without_bursts() -> None:
    assert Life().held(HOUR) == 0


def test_a_burst_that_was_seen_once_is_held_for_a_while_and_not_all_night() -> None:
    life = every(8, times=1)
    assert life.held(HOUR / 2) == 10
    assert life.held(7 * HOUR) == 0


def test_where_a_late_request_is_worth_little_nothing_is_held() -> None:
    assert every(8, times=1).held(HOUR, CHEAP) == 0


def test_one_that_returns_at_equal_times_is_held_for_only_around_the_next() -> None:
    life = every(8, times=5)
    last = 4 * 8 * HOUR
    assert [life.held(last + hours * HOUR) for hours in (4, 7, 7.99, 8.01)] == [0, 0, 10, 10]


def test_it_is_held_for_until_it_is_over() -> None:
    life = every(8, times=5)
    assert life.held(5 * 8 * HOUR - 10) == 10
    life.insurance.see(Sight(5 * 8 * HOUR + 1, 8, 0, 10.0), COLD_START)
    assert life.held(5 * 8 * HOUR + 40) == 10


def test_large_bursts_have_gaps_of_their_own_between_small_ones() -> None:
    life = Life()
    for turn in range(80):
        life.burst(turn * HOUR, needed=40.0 if turn % 20 == 10 else 3.0)
    assert [life.held(turn * HOUR - 10, price=2 * DEAR) for turn in (81, 90)] == [3, 40]


def test_as_much_is_held_as_those_who_were_late_needed_in_the_mean() -> None:
    insurance = Insurance()
    for second, needed in enumerate((1.0, 5.0, 9.0)):
        insurance.see(Sight(second, 1, 0, needed), COLD_START)
    insurance.see(Sight(200.0, 0, 0, 0.0), COLD_START)
    assert insurance.held(210.0, COLD_START, 1e6) == 5


def test_without_a_gap_seen_it_becomes_less_likely_by_the_time_gone() -> None:
    assert hazard(0.0, []) == pytest.approx(1 / 600)
    assert hazard(2700.0, []) < hazard(0.0, []) / 40


def test_after_a_gap_seen_it_is_likely_then() -> None:
    assert hazard(10_000.0, [10_000.0] * 3) > 30 * hazard(6000.0, [10_000.0] * 3)

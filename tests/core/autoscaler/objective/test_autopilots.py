from __future__ import annotations

from itertools import pairwise

import pytest

from proxy.core.autoscaler.objective.account import Times
from proxy.core.autoscaler.objective.autopilots import FIRST, INSURED, PRICES, Autopilots, Look, Promise
from proxy.core.autoscaler.objective.insurance import Insurance

TIMES = Times(service=1.0, cold_start=30.0)


class Flight:
    """A steady demand; each price holds one replica more than the one before."""

    def __init__(self, demand: float, share: float = 0.01) -> None:
        self.autopilots = Autopilots(Promise(5.0, share), concurrency=1)
        self._demand = demand

    def live(self, seconds: int, times: Times = TIMES, wait: float = 0.0) -> int:
        wanted = tuple(range(1, len(PRICES) + 1))
        arrivals = round(self._demand)
        for _ in range(seconds):
            self.autopilots.started([wait] * arrivals)
            followed = self.autopilots.look(Look(1.0, self._demand, arrivals, 1e9, wanted), times, 0.001)
        return followed


def test_without_evidence_a_value_that_is_rather_dear_is_followed() -> None:
    assert Flight(demand=20.0).live(300) == FIRST


def test_the_cheapest_that_keeps_the_promise_is_found() -> None:
    """Four replicas serve four at once; those with fewer fall behind."""
    assert Flight(demand=4.0).live(3000) == 3


def test_it_goes_down_one_step_at_a_time() -> None:
    flight = Flight(demand=1.0)
    followed = [flight.live(10) for _ in range(250)]
    assert max(before - after for before, after in pairwise(followed)) == 1
    assert followed[-1] == 0


def test_it_goes_up_at_once() -> None:
    flight = Flight(demand=1.0)
    flight.live(2500)
    flight._demand = 8.0
    assert flight.live(300, wait=30.0) >= 7


def test_a_larger_share_allowed_is_cheaper() -> None:
    assert Flight(demand=4.0, share=1.0).live(3000) == 0


def test_what_no_value_can_avoid_makes_it_no_dearer_than_is_useful() -> None:
    assert Flight(demand=500.0).live(3000) <= INSURED


def test_a_burst_that_no_value_could_avoid_is_insured_against_for_a_while() -> None:
    flight = Flight(demand=1.0)
    assert flight.live(2500) == 0
    flight._demand = 500.0
    flight.live(60)
    flight._demand = 1.0
    assert flight.live(900) >= INSURED
    assert flight.live(30_000) == 0


def test_a_few_that_were_late_are_enough_where_few_come() -> None:
    flight = Flight(demand=0.0)
    flight.live(400)
    for _ in range(8):
        flight._demand = 1.0
        flight.live(1, wait=30.0)
        flight._demand = 0.0
        followed = flight.live(300)
    assert followed >= INSURED


@pytest.mark.parametrize(("share", "requests"), [(0.01, 300), (1.0, 3), (0.0, 10_000)])
def test_a_smaller_share_is_told_by_more_requests(share: float, requests: int) -> None:
    assert Promise(5.0, share).telling == requests


def test_where_starts_are_fast_only_what_was_really_late_makes_it_dearer() -> None:
    fast = Times(service=1.0, cold_start=3.0)
    assert Flight(demand=500.0).live(1000, fast) == 0
    assert Flight(demand=500.0).live(1000, fast, wait=6.0) == 4


def after_a_burst(times: Times, wait: float) -> Flight:
    """In a quiet life."""
    flight = Flight(demand=1.0)
    flight.live(2500, times)
    flight._demand = 50.0
    flight.live(20, times, wait)
    flight._demand = 1.0
    flight.live(300, times)
    return flight


def test_once_more_were_late_than_is_promised_what_the_burst_needed_is_held() -> None:
    assert 40 <= after_a_burst(TIMES, wait=30.0).autopilots.insured <= 50


class Lasting(Insurance):
    """One that never runs out."""

    def held(self, now: float, cold_start: float, price: float) -> int:
        return 5


def test_no_cheaper_value_is_followed_while_replicas_are_insured() -> None:
    flight, uninsured = after_a_burst(TIMES, wait=30.0), after_a_burst(TIMES, wait=30.0)
    flight.autopilots._insurance = Lasting()
    assert flight.live(13_000) == INSURED
    assert uninsured.live(13_000) < INSURED


def test_nothing_is_insured_while_the_promise_holds() -> None:
    assert after_a_burst(TIMES, wait=0.0).autopilots.insured == 0


def test_nothing_is_insured_where_starts_are_fast_enough_for_those_who_wait() -> None:
    assert after_a_burst(Times(service=1.0, cold_start=3.0), wait=30.0).autopilots.insured == 0

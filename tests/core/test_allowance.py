from __future__ import annotations

import pytest

from proxy.core.allowance import REMEMBERED, Allowance, Allowances, Limits
from proxy.errors import RateLimited


def passes(allowance: Allowance, now: float) -> bool:
    try:
        allowance.spend(now)
    except RateLimited:
        return False
    return True


def refusal(allowance: Allowance, now: float, service_seconds: float = 0.0) -> RateLimited:
    with pytest.raises(RateLimited) as refused:
        allowance.enter(now, service_seconds)
    return refused.value


def test_without_limits_everything_passes() -> None:
    allowance = Allowance(Limits())
    for _ in range(1_000):
        allowance.enter(1.0, 0.0)
    assert allowance.in_flight == 1_000


def test_a_rate_lets_a_burst_pass_and_then_one_each_pause() -> None:
    allowance = Allowance(Limits(per_second=2, burst=3))
    assert [passes(allowance, 100.0) for _ in range(4)] == [True, True, True, False]
    assert [passes(allowance, now) for now in (100.4, 100.5, 100.6, 101.0)] == [False, True, False, True]


def test_after_a_rest_the_burst_is_whole_again_and_no_larger() -> None:
    allowance = Allowance(Limits(per_second=2, burst=3))
    assert [passes(allowance, 100.0) for _ in range(4)][-1] is False
    assert [passes(allowance, 900.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(("per_second", "burst"), [(10.0, 10), (0.1, 1), (2.5, 3)])
def test_without_a_burst_one_seconds_requests_may_come_at_once(per_second: float, burst: int) -> None:
    allowance = Allowance(Limits(per_second=per_second))
    assert [passes(allowance, 5.0) for _ in range(burst + 1)] == [True] * burst + [False]


def test_over_the_rate_the_refusal_says_when_the_next_may_come() -> None:
    allowance = Allowance(Limits(per_second=0.1))
    allowance.enter(100.0, 0.0)
    assert refusal(allowance, 103.0).retry_after_seconds == 7
    assert refusal(allowance, 109.9).retry_after_seconds == 1


def test_what_is_refused_costs_nothing() -> None:
    allowance = Allowance(Limits(concurrency=1, per_second=1, burst=2))
    allowance.enter(100.0, 0.0)
    refusal(allowance, 100.0)
    allowance.leave()
    allowance.enter(100.0, 0.0)
    allowance.leave()
    refusal(allowance, 100.0)
    assert allowance.in_flight == 0


def test_over_the_concurrency_the_refusal_says_when_one_of_them_ends_on_average() -> None:
    allowance = Allowance(Limits(concurrency=2))
    allowance.enter(1.0, 30.0)
    allowance.enter(1.0, 30.0)
    assert refusal(allowance, 1.0, 30.0).retry_after_seconds == 15
    assert refusal(allowance, 1.0, 0.0).retry_after_seconds == 1


def test_who_was_counted_in_the_rate_before_joins_without_it() -> None:
    allowance = Allowance(Limits(concurrency=1, per_second=1))
    allowance.spend(100.0)
    allowance.join(0.0)
    with pytest.raises(RateLimited):
        allowance.join(0.0)


def test_other_limits_leave_what_is_in_flight_counted() -> None:
    allowance = Allowance(Limits())
    allowance.enter(1.0, 0.0)
    allowance.limit(Limits(concurrency=1))
    refusal(allowance, 1.0)
    allowance.leave()
    allowance.enter(1.0, 0.0)


def test_what_is_let_in_is_counted_and_its_time_is_kept() -> None:
    allowance = Allowance(Limits(concurrency=1, per_second=1))
    assert (allowance.requests, allowance.used_at) == (0, None)
    allowance.enter(5.0, 0.0)
    refusal(allowance, 6.0)  # over the concurrency
    allowance.leave()
    refusal(allowance, 5.5)  # over the rate
    assert (allowance.requests, allowance.used_at) == (1, 5.0)
    allowance.limit(Limits())
    allowance.spend(9.0)
    assert (allowance.requests, allowance.used_at) == (2, 9.0)


def test_clients_that_use_nothing_are_forgotten_when_there_are_many() -> None:
    clients = Allowances(Limits(concurrency=1, per_second=1))
    busy = clients.of("busy", 0.0)
    busy.join(0.0)
    for number in range(3 * REMEMBERED):
        clients.of(f"client {number}", float(number)).spend(float(number))
    assert len(clients) <= REMEMBERED
    assert clients.of("busy", 5_000.0) is busy

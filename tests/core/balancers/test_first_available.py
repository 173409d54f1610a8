from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.replica import Event, Replica
from tests.core.balancers.naive import check_against
from tests.core.fakes import pool_of, ready_replica, reserved


def test_fills_one_after_the_other_in_start_order() -> None:
    pool = pool_of(*(ready_replica(order, limit=2) for order in range(3)), balancer=FirstAvailable())
    assert [reserved(pool).replica.order for _ in range(6)] == [0, 0, 1, 1, 2, 2]


def test_goes_back_to_an_earlier_one_as_soon_as_it_has_a_slot() -> None:
    pool = pool_of(*(ready_replica(order) for order in range(3)), balancer=FirstAvailable())
    first, _ = reserved(pool), reserved(pool)
    pool.release(first, 1)
    assert reserved(pool).replica.order == 0


def test_start_order_counts_not_the_order_of_becoming_ready() -> None:
    replicas = [Replica(order, f"r{order}", 1, 0) for order in range(3)]
    pool = pool_of(*replicas, balancer=FirstAvailable())
    for replica in reversed(replicas):
        pool.apply(replica, Event.PASSED, 1)
    assert reserved(pool).replica.order == 0


def first(free: Sequence[Replica], _last: int) -> list[Replica]:
    return [free[0]]


def test_agrees_with_looking_at_every_replica() -> None:
    check_against(first, FirstAvailable)

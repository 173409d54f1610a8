from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from tests.core.balancers.naive import check_against
from tests.core.fakes import pool_of, ready_replica, reserved


def pool_with(count: int, limit: int = 10) -> tuple[Pool, list[Replica]]:
    replicas = [ready_replica(order, limit) for order in range(count)]
    return pool_of(*replicas, balancer=RoundRobin()), replicas


def turns(pool: Pool, count: int) -> list[int]:
    return [reserved(pool).replica.order for _ in range(count)]


def test_goes_round_in_start_order() -> None:
    pool, _ = pool_with(3)
    assert turns(pool, 7) == [0, 1, 2, 0, 1, 2, 0]


def test_skips_the_full_ones() -> None:
    pool, _ = pool_with(2, limit=1)
    pool.add(ready_replica(2, limit=10))
    assert turns(pool, 5) == [0, 1, 2, 2, 2]


def test_goes_on_after_the_last_one_that_was_given_a_request_though_it_has_left() -> None:
    pool, replicas = pool_with(4)
    assert turns(pool, 2) == [0, 1]
    pool.apply(replicas[1], Event.EXIT, 1)
    assert turns(pool, 4) == [2, 3, 0, 2]


def test_a_replica_that_joins_has_its_turn_in_this_round_if_it_comes_later_in_start_order() -> None:
    pool, replicas = pool_with(3)
    pool.apply(replicas[0], Event.MISSED, 1)
    pool.apply(replicas[2], Event.MISSED, 1)
    assert turns(pool, 1) == [1]
    pool.apply(replicas[0], Event.PASSED, 2)
    pool.apply(replicas[2], Event.PASSED, 2)
    pool.add(ready_replica(3, limit=10))
    assert turns(pool, 5) == [2, 3, 0, 1, 2]


def test_a_slot_given_back_does_not_turn_the_order() -> None:
    pool, _ = pool_with(3, limit=1)
    first = reserved(pool)
    assert turns(pool, 1) == [1]
    pool.release(first, 1)
    assert turns(pool, 2) == [2, 0]


def first_after(free: Sequence[Replica], last: int) -> list[Replica]:
    return [next((replica for replica in free if replica.order > last), free[0])]


def test_agrees_with_looking_at_every_replica() -> None:
    check_against(first_after, RoundRobin)

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balancers.min_connections import MinConnections
from proxy.core.replica import Event, Replica
from tests.core.balancers.naive import check_against
from tests.core.fakes import pool_of, ready_replica, reserved


def test_fewest_in_flight_and_ties_in_start_order() -> None:
    pool = pool_of(*(ready_replica(order, limit=3) for order in range(3)), balancer=MinConnections())
    held = [reserved(pool) for _ in range(6)]
    assert [reservation.replica.order for reservation in held] == [0, 1, 2, 0, 1, 2]
    pool.release(held[1], 1)
    pool.release(held[2], 1)
    pool.release(held[5], 1)
    assert [reserved(pool).replica.order for _ in range(4)] == [2, 1, 2, 0]


def test_a_larger_replica_that_is_emptier_comes_before_a_smaller_one() -> None:
    pool = pool_of(ready_replica(0, limit=2), ready_replica(1, limit=9), balancer=MinConnections())
    assert [reserved(pool).replica.order for _ in range(6)] == [0, 1, 0, 1, 1, 1]


def test_what_a_replica_still_runs_counts_when_it_is_ready_again() -> None:
    replicas = [ready_replica(order, limit=4) for order in range(2)]
    pool = pool_of(*replicas, balancer=MinConnections())
    for _ in range(4):
        reserved(pool)
    pool.apply(replicas[0], Event.MISSED, 1)
    reserved(pool)
    pool.apply(replicas[0], Event.PASSED, 2)
    assert reserved(pool).replica is replicas[0]


def least_loaded(free: Sequence[Replica], _last: int) -> list[Replica]:
    return [min(free, key=lambda replica: (replica.in_flight, replica.order))]


def test_agrees_with_looking_at_every_replica() -> None:
    check_against(least_loaded, MinConnections)

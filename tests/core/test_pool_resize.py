"""Limits and balancers that change while requests are served."""

from __future__ import annotations

from random import Random

import pytest

from proxy.core.balancers.base import Balancer
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.balancers.min_connections import MinConnections
from proxy.core.balancers.random_choice import RandomChoice2
from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.replica import Reservation
from tests.core.fakes import pool_of, ready_replica, reserved, waiting


def test_a_lower_limit_frees_no_slot_until_enough_came_back() -> None:
    replica = ready_replica(limit=3)
    pool = pool_of(replica)
    held = [reserved(pool) for _ in range(3)]
    pool.resize(replica, 1, 1)
    (first,) = waiting(pool, 1)
    for reservation in held[:2]:
        pool.release(reservation, 2)
        assert first in pool.queue
    pool.release(held[2], 3)
    assert first.slot.since == 3
    assert replica.in_flight == 1


def test_a_higher_limit_serves_who_waits() -> None:
    replica = ready_replica()
    pool = pool_of(replica)
    reserved(pool)
    first, second = waiting(pool, 2)
    pool.resize(replica, 2, 5)
    assert first.slot.since == 5
    assert list(pool.queue) == [second]


@pytest.mark.parametrize("balancer", [FirstAvailable, RoundRobin, MinConnections, RandomChoice2])
def test_a_limit_may_change_at_any_time(balancer: type[Balancer]) -> None:
    replicas = [ready_replica(order, limit=2) for order in range(3)]
    pool = pool_of(*replicas, balancer=balancer())
    random, held = Random(7), list[Reservation]()
    for now in range(500):
        pool.resize(random.choice(replicas), random.randint(1, 4), now)
        while (reservation := pool.reserve(now)) is not None:
            held.append(reservation)
        assert all(replica.full for replica in replicas)
        for _ in range(random.randint(0, len(held))):
            pool.release(held.pop(random.randrange(len(held))), now)
    assert sum(replica.in_flight for replica in replicas) == len(held)


def test_another_balancer_chooses_among_those_with_a_free_slot() -> None:
    full, free = ready_replica(0), ready_replica(1, limit=2)
    pool = pool_of(full, free)
    reserved(pool)
    pool.balance(RoundRobin())
    assert [reserved(pool).replica, reserved(pool).replica] == [free, free]
    assert pool.reserve(0) is None

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from proxy.core.balancers.random_choice import RandomChoice2
from proxy.core.replica import Event, Replica
from tests.core.balancers.naive import check_against
from tests.core.fakes import pool_of, ready_replica, reserved

DRAWS = 30_000


def shares(*loads: int) -> list[float]:
    """How often each of the replicas that have so many in flight is chosen."""
    balancer, replicas = RandomChoice2(Random(1)), [ready_replica(order, limit=99) for order in range(len(loads))]
    for replica, load in zip(replicas, loads, strict=True):
        replica.in_flight = load
        balancer.join(replica)
    count = Counter(balancer.choose() for _ in range(DRAWS))
    return [count[replica] / DRAWS for replica in replicas]


def test_the_less_loaded_of_two_wins() -> None:
    """Of the 12 ordered pairs of four, the least loaded is in 6, the next wins 4, then 2, then none."""
    assert shares(5, 1, 9, 3) == pytest.approx([2 / 12, 6 / 12, 0, 4 / 12], abs=0.01)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_ties_are_broken_at_random(count: int) -> None:
    assert shares(*[1] * count) == pytest.approx([1 / count] * count, abs=0.01)


def test_with_one_free_it_is_that_one_and_with_none_nobody() -> None:
    pool = pool_of(ready_replica(0), busy := ready_replica(1), balancer=RandomChoice2())
    pool.apply(busy, Event.MISSED, 1)
    assert reserved(pool).replica.order == 0
    assert pool.reserve(2) is None


def test_full_ones_are_never_drawn_while_another_is_free() -> None:
    pool = pool_of(*(ready_replica(order) for order in range(50)), balancer=RandomChoice2(Random(1)))
    assert {reserved(pool).replica.order for _ in range(50)} == set(range(50))


def not_alone_the_fullest(free: Sequence[Replica], _last: int) -> list[Replica]:
    """Whoever is drawn with it has less to do, so the fullest wins only against its equals."""
    most = max(replica.in_flight for replica in free)
    fullest = [replica for replica in free if replica.in_flight == most]
    return list(free) if len(fullest) > 1 or len(free) == 1 else [replica for replica in free if replica not in fullest]


def test_agrees_with_looking_at_every_replica() -> None:
    check_against(not_alone_the_fullest, lambda: RandomChoice2(Random(1)))

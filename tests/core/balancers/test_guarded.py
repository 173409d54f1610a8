"""A plug-in's mistakes cost its choice, and nothing else."""

from __future__ import annotations

from typing import cast

import pytest

from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.balancers.guarded import Guarded
from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.replica import Replica
from tests.core.fakes import pool_of, ready_replica, reserved, waiting


class Raises:
    """Chooses as first-available does, but raises in one of its methods, from the given call on."""

    def __init__(self, where: str, first: int = 0) -> None:
        self._balancer = FirstAvailable()
        self._where, self._left = where, first

    def _note(self, where: str) -> None:
        if where == self._where:
            self._left -= 1
            if self._left < 0:
                raise RuntimeError(where)

    def join(self, replica: Replica) -> None:
        self._note("join")
        self._balancer.join(replica)

    def leave(self, replica: Replica) -> None:
        self._note("leave")
        self._balancer.leave(replica)

    def update(self, replica: Replica) -> None:
        self._note("update")

    def choose(self) -> Replica | None:
        self._note("choose")
        return self._balancer.choose()


@pytest.mark.parametrize("where", ["join", "leave", "update", "choose"])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_a_balancer_that_raises_loses_no_slot(where: str, first: int) -> None:
    failures: list[Exception] = []
    replicas = [ready_replica(order, limit=2) for order in range(3)]
    pool = pool_of(*replicas, balancer=Guarded(Raises(where, first), RoundRobin(), failures.append))
    held = [reserved(pool) for _ in range(6)]
    line = waiting(pool, 2)
    for reservation in held:
        pool.release(reservation, 1)
    assert [pool.in_flight, len(pool.queue)] == [2, 0]
    for request in line:
        pool.release(request.slot, 2)
    assert [reserved(pool).replica.in_flight for _ in range(6)]
    assert [replica.in_flight for replica in replicas] == [2, 2, 2]
    assert len(failures) <= 1


def test_after_its_first_mistake_it_is_not_asked_again() -> None:
    failures: list[Exception] = []
    pool = pool_of(ready_replica(0, limit=9), balancer=Guarded(Raises("choose"), RoundRobin(), failures.append))
    for _ in range(3):
        reserved(pool)
    assert [str(failure) for failure in failures] == ["choose"]


def test_the_other_one_chooses_among_those_with_a_free_slot() -> None:
    guarded = Guarded(Raises("choose", first=1), RoundRobin(), lambda _: None)
    pool = pool_of(*(ready_replica(order, limit=2) for order in range(2)), balancer=guarded)
    assert [reserved(pool).replica.order for _ in range(4)] == [0, 0, 1, 1]


def test_what_is_no_replica_is_no_choice() -> None:
    class Confused(Raises):
        def choose(self) -> Replica | None:
            return cast(Replica, "r0")

    pool = pool_of(ready_replica(), balancer=Guarded(Confused("nowhere"), RoundRobin(), lambda _: None))
    assert reserved(pool).replica.order == 0

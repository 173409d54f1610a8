"""From a wanted number to starts and drains."""

from __future__ import annotations

from proxy.core.autoscaler.apply import apply
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from tests.core.fakes import pool_of, ready_replica


class FakeFleet:
    """Remembers; `recallable` draining replicas can be taken back."""

    def __init__(self, recallable: int = 0) -> None:
        self.started = 0
        self.drained: list[Replica] = []
        self._recallable = recallable

    def start(self, count: int, now: float) -> None:
        self.started += count

    def drain(self, replica: Replica, now: float) -> None:
        self.drained.append(replica)

    def recall(self, now: float) -> bool:
        self._recallable, taken = max(0, self._recallable - 1), self._recallable > 0
        return taken


def pool() -> Pool:
    """Two that are wanted, and one that goes."""
    going = ready_replica(2)
    going.move(Event.DRAIN, 1)
    return pool_of(ready_replica(0), ready_replica(1), going)


def test_what_is_missing_is_started() -> None:
    fleet = FakeFleet()
    apply(5, pool(), fleet, 1)
    assert (fleet.started, fleet.drained) == (3, [])


def test_what_is_too_much_is_drained() -> None:
    fleet, replicas = FakeFleet(), pool()
    apply(1, replicas, fleet, 1)
    assert (fleet.started, len(fleet.drained)) == (0, 1)


def test_those_that_go_are_taken_back_first() -> None:
    fleet = FakeFleet(recallable=2)
    apply(5, pool(), fleet, 1)
    assert fleet.started == 1


def test_nothing_is_done_where_the_number_is_right() -> None:
    fleet = FakeFleet(recallable=1)
    apply(2, pool(), fleet, 1)
    assert (fleet.started, fleet.drained) == (0, [])
    assert fleet.recall(1)

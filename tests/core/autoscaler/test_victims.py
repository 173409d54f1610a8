from __future__ import annotations

from proxy.core.autoscaler.victims import victims
from proxy.core.replica import Event, Replica
from tests.core.fakes import ready_replica


def idle(order: int, since: float) -> Replica:
    replica = ready_replica(order)
    replica.idle_since = since
    return replica


def busy(order: int, in_flight: int) -> Replica:
    replica = ready_replica(order, limit=9)
    for _ in range(in_flight):
        replica.claim()
    return replica


def test_starting_ones_go_first_then_the_longest_idle_then_those_with_fewest_in_flight() -> None:
    replicas = [busy(0, 5), idle(1, since=70), busy(2, 1), Replica(3, "a", 1, 0), idle(4, since=30), busy(5, 3)]
    assert [replica.order for replica in victims(replicas, 6)] == [3, 4, 1, 2, 5, 0]
    assert [replica.order for replica in victims(replicas, 2)] == [3, 4]


def test_of_those_that_start_the_youngest_goes_first() -> None:
    assert [replica.order for replica in victims([Replica(n, "a", 1, n) for n in range(3)], 2)] == [2, 1]


def test_of_equals_the_youngest_goes_first() -> None:
    replicas = [idle(0, 5), idle(1, 5), busy(2, 1), busy(3, 1)]
    assert [replica.order for replica in victims(replicas, 4)] == [1, 0, 3, 2]


def test_an_unready_replica_without_requests_is_idle() -> None:
    unready = idle(1, since=10)
    unready.move(Event.MISSED, 20)
    assert victims([idle(0, since=15), unready, busy(2, 1)], 1) == [unready]


def test_those_that_go_already_are_no_victims() -> None:
    draining, gone = ready_replica(0), ready_replica(1)
    draining.move(Event.DRAIN, 1)
    gone.move(Event.EXIT, 1)
    assert victims([draining, gone], 2) == []


def test_more_than_there_are_is_all() -> None:
    replica = ready_replica()
    assert victims([replica], 5) == [replica]

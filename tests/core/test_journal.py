"""Every request's steps, in order, with their times."""

from __future__ import annotations

import pytest

from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.journal import Entry, JournaledPool, Kind
from proxy.core.replica import Event
from proxy.errors import NoReplica, QueueFull
from tests.core.fakes import FakeRequest, ready_replica, reserved, waiting


def journaled(slots: int = 1, queue_limit: int = 10) -> JournaledPool:
    pool = JournaledPool(FirstAvailable(), queue_limit, 0.0)
    if slots:
        pool.add(ready_replica(limit=slots))
    return pool


def steps(pool: JournaledPool) -> list[tuple[str, float, float]]:
    return [(kind.name, at, seconds) for kind, at, seconds, _ in pool.take_entries()]


def test_a_request_that_does_not_wait_arrives_starts_and_ends() -> None:
    pool = journaled()
    pool.release(reserved(pool, 1.0), 3.5)
    assert steps(pool) == [("ARRIVED", 1, 0), ("STARTED", 1, 0), ("ENDED", 3.5, 2.5)]


def test_a_request_that_waits_starts_when_another_ends() -> None:
    pool = journaled()
    first = reserved(pool, 1.0)
    waiting(pool, now=2.0)
    pool.take_entries()
    pool.release(first, 5.0)
    assert steps(pool) == [("ENDED", 5, 4), ("STARTED", 5, 3)]


def test_who_leaves_the_line_is_told_with_its_wait() -> None:
    pool = journaled(slots=0)
    (request,) = waiting(pool, now=2.0)
    assert pool.leave(request, 4.0)
    assert not pool.leave(request, 5.0)
    assert steps(pool) == [("ARRIVED", 2, 0), ("LEFT", 4, 2)]


def test_who_is_refused_never_arrives() -> None:
    pool = journaled(slots=0, queue_limit=0)
    with pytest.raises(QueueFull):
        pool.wait(FakeRequest(), 1.0)
    assert steps(pool) == [("REFUSED", 1, 0)]


def test_a_line_that_is_sent_away_leaves() -> None:
    pool = journaled(slots=0)
    waiting(pool, 2, now=1.0)
    pool.refuse(lambda: NoReplica("no"), 3.0)
    assert steps(pool)[2:] == [("LEFT", 3, 2), ("LEFT", 3, 2)]


def test_a_request_that_is_retried_keeps_its_one_arrival() -> None:
    pool = journaled(slots=2)
    assert pool.retry(FakeRequest(), reserved(pool, 1.0), 1.5) is not None
    assert steps(pool) == [("ARRIVED", 1, 0), ("STARTED", 1, 0), ("RETRIED", 1.5, 0.5), ("STARTED", 1.5, 0)]


def test_a_retry_that_leads_nowhere_leaves() -> None:
    pool = journaled()
    reservation = reserved(pool, 1.0)
    waiting(pool, now=1.0)
    pool.refuse(lambda: NoReplica("no"), 2.0)
    pool.apply(reservation.replica, Event.EXIT, 2.0)
    pool.take_entries()
    with pytest.raises(NoReplica):
        pool.retry(FakeRequest(), reservation, 2.5)
    assert steps(pool) == [("RETRIED", 2.5, 1.5), ("LEFT", 2.5, 0)]


def test_entries_are_taken_once() -> None:
    pool = journaled()
    reserved(pool)
    assert pool.take_entries() == (Entry(Kind.ARRIVED, 0, 0, 0), Entry(Kind.STARTED, 0, 0, 0))
    assert pool.take_entries() == ()

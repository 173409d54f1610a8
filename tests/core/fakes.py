"""Replicas, pools and requests in the smallest form."""

from __future__ import annotations

from proxy.core.balancers.base import Balancer
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, Reservation
from proxy.errors import AnswerError


def ready_replica(order: int = 0, limit: int = 1, now: float = 0.0) -> Replica:
    replica = Replica(order, f"r{order}", limit, now)
    replica.move(Event.PASSED, now)
    return replica


def pool_of(*replicas: Replica, balancer: Balancer | None = None, queue_limit: int = 1000) -> Pool:
    pool = Pool(balancer or FirstAvailable(), queue_limit, 0.0)
    for replica in replicas:
        pool.add(replica)
    return pool


def reserved(pool: Pool, now: float = 0.0) -> Reservation:
    reservation = pool.reserve(now)
    assert reservation is not None
    return reservation


class FakeRequest:
    """A waiter that remembers what it was told."""

    def __init__(self) -> None:
        self.reservation: Reservation | None = None
        self.error: AnswerError | None = None

    def granted(self, reservation: Reservation, now: float) -> None:
        assert self.reservation is None
        self.reservation = reservation

    def refused(self, error: AnswerError) -> None:
        assert self.error is None
        self.error = error

    @property
    def slot(self) -> Reservation:
        assert self.reservation is not None
        return self.reservation


def waiting(pool: Pool, count: int = 1, now: float = 0.0) -> list[FakeRequest]:
    """Requests that join the line, the first of them first."""
    requests = [FakeRequest() for _ in range(count)]
    for request in requests:
        assert pool.reserve(now) is None
        pool.wait(request, now)
    return requests

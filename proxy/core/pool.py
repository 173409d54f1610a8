"""The replicas of one app: the only place where a slot is given or returned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from proxy.core.balancers.base import Balancer
from proxy.core.demand import Demand
from proxy.core.queue import Queue, Waiter
from proxy.core.replica import Event, Replica, Reservation, SlotError, State
from proxy.errors import AnswerError, QueueFull


def _nothing() -> None:
    """Nobody listens."""


class Pool:
    """Chooses and claims in one step; hands a freed slot to the longest waiting request.

    Invariant: while anybody waits, no slot is free. `on_wait` is called when a request begins to wait.
    """

    def __init__(self, balancer: Balancer, queue_limit: int, now: float) -> None:
        self.queue = Queue(queue_limit)
        self.demand = Demand(now)
        self.on_wait: Callable[[], None] = _nothing
        self.on_change: Callable[[Replica, State], None] = lambda _replica, _before: None
        self._balancer = balancer
        self._replicas: dict[str, Replica] = {}
        self._available: dict[Replica, None] = {}
        self._refusal: Callable[[], AnswerError] | None = None
        self._granting = False
        self.service_seconds = 0.0  # how long a slot is held, a moving mean over about the last 20

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas.values())

    def __len__(self) -> int:
        return len(self._replicas)

    def get(self, replica_id: str) -> Replica | None:
        return self._replicas.get(replica_id)

    @property
    def in_flight(self) -> int:
        return self.demand.present - len(self.queue)

    # Requests

    def reserve(self, now: float) -> Reservation | None:
        """Claim a slot for a new request; None if it has to wait."""
        if self.queue:
            return None
        reservation = self._claim(now)
        if reservation is not None:
            self.demand.arrive(now)
        return reservation

    def wait(self, waiter: Waiter, now: float) -> None:
        """Put a request that found no slot into the line; raises QueueFull, or why nobody may wait at all."""
        if self._refusal is not None:
            raise self._refusal()
        if self.queue.full:
            raise QueueFull("all replicas are busy and the queue is full", self.retry_after_seconds())
        self.queue.join(waiter, now)
        self.demand.arrive(now)
        self.on_wait()

    def leave(self, waiter: Waiter, now: float) -> bool:
        """A waiting request goes away; false if it was not waiting."""
        left = self.queue.leave(waiter)
        if left:
            self.demand.leave(now)
        return left

    def release(self, reservation: Reservation, now: float) -> None:
        """Return the slot, once; the next in line gets it if the replica still takes requests."""
        if reservation.returned:
            raise SlotError(f"a slot of replica {reservation.replica.id} was given back twice")
        reservation.returned = True
        self._learn(now - reservation.since)
        replica = reservation.replica
        was_full = replica.full
        self.demand.leave(now)
        replica.give_back(now)
        if replica.state is not State.READY:
            return
        if was_full:
            self._offer(replica)
        else:
            self._balancer.update(replica)
        if self.queue:
            self._grant(now)

    def retry(self, waiter: Waiter, reservation: Reservation, now: float) -> Reservation | None:
        """Exchange a slot whose replica took nothing of the request for another.

        None puts the request first in line, for it came before all who wait there; raises why nobody may wait.
        """
        self.release(reservation, now)
        other = self.reserve(now)
        if other is None:
            if self._refusal is not None:
                raise self._refusal()
            self.queue.join_first(waiter, now)
            self.demand.arrive(now)
            self.on_wait()
        return other

    def retry_after_seconds(self) -> int:
        """When a slot may be free for one more request: the line's length over the slots' measured pace."""
        slots = sum(replica.limit for replica in self if replica.wanted) or 1
        return max(1, math.ceil((len(self.queue) + 1) * self.service_seconds / slots))

    # Steering

    def add(self, replica: Replica) -> None:
        self._replicas[replica.id] = replica
        if replica.available:
            self._offer(replica)

    def remove(self, replica: Replica) -> None:
        """Forget a replica; reservations at it may still be returned."""
        self._withdraw(replica)
        self._replicas.pop(replica.id, None)

    def apply(self, replica: Replica, event: Event, now: float) -> bool:
        """Let the replica's table answer an event; offers or withdraws its slots. True if its state changed."""
        before = replica.state
        if not replica.move(event, now):
            return False
        if replica.available:
            self._offer(replica)
        else:
            self._withdraw(replica)
        self.on_change(replica, before)
        if replica.available and self.queue:
            self._grant(now)
        return True

    def refuse(self, make_error: Callable[[], AnswerError] | None, now: float) -> None:
        """From now on nobody may wait, and those who do are refused; None allows waiting again."""
        self._refusal = make_error
        while make_error is not None and self.queue:
            waiter = self.queue.next()
            self.demand.leave(now)
            waiter.refused(make_error())

    # Slots

    def _learn(self, seconds: float) -> None:
        mean = self.service_seconds
        self.service_seconds = mean + (seconds - mean) / 20 if mean else seconds

    def _claim(self, now: float) -> Reservation | None:
        replica = self._balancer.choose()
        if replica is None or not replica.available:
            # A balancer that is wrong must not make anybody wait beside a free slot.
            replica = next(iter(self._available), None)
            if replica is None:
                return None
        replica.claim()
        if replica.full:
            del self._available[replica]
            self._balancer.leave(replica)
        else:
            self._balancer.update(replica)
        return Reservation(replica, now)

    def _offer(self, replica: Replica) -> None:
        if replica not in self._available:
            self._available[replica] = None
            self._balancer.join(replica)

    def _withdraw(self, replica: Replica) -> None:
        if replica in self._available:
            del self._available[replica]
            self._balancer.leave(replica)

    def _grant(self, now: float) -> None:
        # What a waiter does with its slot may return it at once: the loop goes on, the stack does not grow.
        if self._granting:
            return
        self._granting = True
        try:
            while self.queue and (reservation := self._claim(now)) is not None:
                self.queue.next().granted(reservation, now)
        finally:
            self._granting = False

"""The replicas of one app: the only place where a slot is given or returned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from proxy.core.balancers.base import Balancer
from proxy.core.demand import Demand
from proxy.core.queue import Queue, Waiter
from proxy.core.replica import Event, Replica, Reservation, State
from proxy.errors import AnswerError, QueueFull


def _nothing() -> None:
    """Nobody listens."""


class Pool:
    """Chooses and claims in one step; hands a freed slot to the longest waiting request.

    Invariant: while anybody waits, no slot is free. `on_wait` is called when a request finds no free slot,
    `on_change` when a replica's state changed, with the state before.
    """

    def __init__(self, balancer: Balancer, queue_limit: int, now: float) -> None:
        self.queue = Queue(queue_limit)
        self.demand = Demand(now)
        self.on_wait: Callable[[], None] = _nothing
        self.on_change: Callable[[Replica, State], None] = lambda _replica, _before: None
        self._balancer = balancer
        self._choose = balancer.choose
        self._update = balancer.update
        self._line = self.queue.line
        self._replicas: dict[str, Replica] = {}
        self._slots = 0  # of all replicas: what Retry-After reckons with
        self._open = 0  # replicas with a free slot: those that the balancer knows
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
        if self._line:
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
            self.demand.refuse()
            self.on_wait()
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
        reservation.end()
        self._learn(now - reservation.since)
        self.demand.leave(now)
        self._free(reservation.replica, now)

    def retry(self, waiter: Waiter, reservation: Reservation, now: float) -> Reservation | None:
        """Exchange a slot whose replica took nothing of the request for another.

        None puts the request first in line, for it came before all who wait there; raises why nobody may wait.
        """
        reservation.end()
        self._free(reservation.replica, now)
        other = self._claim(now)
        if other is not None:
            return other
        if self._refusal is not None:
            self.demand.leave(now)
            raise self._refusal()
        self.queue.join_first(waiter, now)
        self.on_wait()
        return None

    def retry_after_seconds(self) -> int:
        """When a slot may be free for one more request: the line's length over the slots' measured pace."""
        return max(1, math.ceil((len(self.queue) + 1) * self.service_seconds / max(1, self._slots)))

    # Steering

    def add(self, replica: Replica) -> None:
        self._replicas[replica.id] = replica
        self._slots += replica.limit
        if replica.available:
            self._offer(replica)

    def remove(self, replica: Replica) -> None:
        """Forget a replica that is gone; reservations at it may still be returned."""
        if replica.available:
            self._withdraw(replica)
        self._slots -= self._replicas.pop(replica.id).limit

    def apply(self, replica: Replica, event: Event, now: float) -> bool:
        """Let the replica's table answer an event; offers or withdraws its slots. True if its state changed."""
        before, was_available = replica.state, replica.available
        if not replica.move(event, now):
            return False
        if replica.available:
            self._offer(replica)
        elif was_available:
            self._withdraw(replica)
        self.on_change(replica, before)
        if replica.available and self.queue:
            self._grant(now)
        return True

    def resize(self, replica: Replica, limit: int, now: float) -> None:
        """Give it another number of slots; where that is fewer than are taken, none is free until enough came back."""
        was_available = replica.available
        self._slots += limit - replica.limit
        replica.limit = limit
        if was_available and not replica.available:
            self._withdraw(replica)
        elif replica.available and not was_available:
            self._offer(replica)
            if self.queue:
                self._grant(now)

    def balance(self, balancer: Balancer) -> None:
        """Choose by another balancer from now on."""
        self._balancer = balancer
        self._choose = balancer.choose
        self._update = balancer.update
        for replica in self:
            if replica.available:
                balancer.join(replica)

    def refuse(self, make_error: Callable[[], AnswerError] | None, now: float) -> None:
        """From now on nobody may wait, and those who do are refused; None allows waiting again."""
        self._refusal = make_error
        if make_error is None:
            return
        while self.queue:
            waiter = self.queue.next()
            self.demand.leave(now)
            waiter.refused(make_error())

    # Slots

    def _learn(self, seconds: float) -> None:
        mean = self.service_seconds
        self.service_seconds = mean + (seconds - mean) / 20 if mean else seconds

    def _claim(self, now: float) -> Reservation | None:
        if not self._open:
            return None
        replica = self._choose()
        if replica is None or not replica.available:
            # A balancer that is wrong must not make anybody wait beside a free slot.
            replica = next(other for other in self if other.available)
        if replica.claim():
            self._withdraw(replica)
        else:
            self._update(replica)
        return Reservation(replica, now)

    def _free(self, replica: Replica, now: float) -> None:
        was_full = replica.give_back(now)
        if not replica.routable:
            return
        if was_full:
            self._offer(replica)
        elif replica.in_flight < replica.limit:  # which may have been lowered below what it has
            self._update(replica)
        if self._line:
            self._grant(now)

    def _offer(self, replica: Replica) -> None:
        self._open += 1
        self._balancer.join(replica)

    def _withdraw(self, replica: Replica) -> None:
        self._open -= 1
        self._balancer.leave(replica)

    def _grant(self, now: float) -> None:
        # What a waiter does with its slot may return it at once: the loop goes on, the stack does not grow.
        if self._granting:
            return
        self._granting = True
        try:
            while self.queue and (reservation := self._claim(now)) is not None:
                self._hand(reservation, now)
        finally:
            self._granting = False

    def _hand(self, reservation: Reservation, now: float) -> None:
        self.queue.next().granted(reservation, now)

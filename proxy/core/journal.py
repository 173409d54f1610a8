"""A pool that also writes down what happened to each request and when, for policies that learn from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from proxy.core.balancers.base import Balancer
from proxy.core.pool import Pool
from proxy.core.queue import Waiter
from proxy.core.replica import Reservation
from proxy.errors import AnswerError, QueueFull

# Looks are a second apart; where nobody looks any more, the oldest entries go.
_MOST_ENTRIES = 200_000


class Kind(Enum):
    ARRIVED = auto()  # seconds: 0
    STARTED = auto()  # has a slot; seconds: how long it waited
    ENDED = auto()  # gave its slot back; seconds: how long it was served
    LEFT = auto()  # left the line without a slot; seconds: how long it waited
    REFUSED = auto()  # found neither a slot nor room in the line; seconds: 0
    RETRIED = auto()  # its replica took nothing of it: it is in line again; seconds: how long it held the slot


class Entry(NamedTuple):
    """What happened to one request at a time of the pool's clock."""

    kind: Kind
    at: float
    seconds: float
    since: float  # when it joined the line (STARTED, LEFT) or took its slot (ENDED, RETRIED); else the same as `at`


class JournaledPool(Pool):
    """Only apps whose policy asks for a journal get one: the others' requests pay nothing for it."""

    def __init__(self, balancer: Balancer, queue_limit: int, now: float) -> None:
        super().__init__(balancer, queue_limit, now)
        self._entries: deque[Entry] = deque(maxlen=_MOST_ENTRIES)

    def take_entries(self) -> tuple[Entry, ...]:
        """What happened since the last time, in order."""
        taken = tuple(self._entries)
        self._entries.clear()
        return taken

    def reserve(self, now: float) -> Reservation | None:
        reservation = super().reserve(now)
        if reservation is not None:
            self._note(Kind.ARRIVED, now, now)
            self._note(Kind.STARTED, now, now)
        return reservation

    def wait(self, waiter: Waiter, now: float) -> None:
        try:
            super().wait(waiter, now)
        except QueueFull:
            self._note(Kind.REFUSED, now, now)
            raise
        self._note(Kind.ARRIVED, now, now)

    def leave(self, waiter: Waiter, now: float) -> bool:
        joined_at = self.queue.line.get(waiter, now)
        left = super().leave(waiter, now)
        if left:
            self._note(Kind.LEFT, now, joined_at)
        return left

    def release(self, reservation: Reservation, now: float) -> None:
        if not reservation.returned:
            self._note(Kind.ENDED, now, reservation.since)
        super().release(reservation, now)

    def retry(self, waiter: Waiter, reservation: Reservation, now: float) -> Reservation | None:
        if not reservation.returned:
            self._note(Kind.RETRIED, now, reservation.since)
        try:
            other = super().retry(waiter, reservation, now)
        except AnswerError:
            self._note(Kind.LEFT, now, now)
            raise
        if other is not None:
            self._note(Kind.STARTED, now, now)
        return other

    def refuse(self, make_error: Callable[[], AnswerError] | None, now: float) -> None:
        if make_error is not None:
            for joined_at in self.queue.line.values():
                self._note(Kind.LEFT, now, joined_at)
        super().refuse(make_error, now)

    def _hand(self, reservation: Reservation, now: float) -> None:
        joined_at = next(iter(self.queue.line.values()))
        self._note(Kind.STARTED, now, joined_at)
        super()._hand(reservation, now)

    def _note(self, kind: Kind, at: float, since: float) -> None:
        self._entries.append(Entry(kind, at, at - since, since))

"""The waiting line of one app: first in, first out; leaving costs the same wherever one stands."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from proxy.core.replica import Reservation
from proxy.errors import AnswerError


class Waiter(Protocol):
    """A request in line. Both calls come at most once in all, after it has been taken out of the line."""

    def granted(self, reservation: Reservation, now: float) -> None: ...

    def refused(self, error: AnswerError) -> None: ...


class Queue:
    """Who waits since when. `limit` is the longest line that may form; 0 refuses everybody.

    `line` is there to be tested for emptiness: a request does so twice, and asking a dict is cheaper than a method.
    """

    __slots__ = ("limit", "line")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Not a dict: finding the first key of a dict slows down with every one taken from its front.
        self.line: OrderedDict[Waiter, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self.line)

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self.line

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self.line)

    @property
    def full(self) -> bool:
        return len(self.line) >= self.limit

    def join(self, waiter: Waiter, now: float) -> None:
        self.line[waiter] = now

    def join_first(self, waiter: Waiter, now: float) -> None:
        """Go before everybody, also where the line is full: the request came before them all."""
        self.line[waiter] = next(iter(self.line.values()), now)
        self.line.move_to_end(waiter, last=False)

    def leave(self, waiter: Waiter) -> bool:
        """Take the waiter out; false if it was not in line."""
        return self.line.pop(waiter, None) is not None

    def next(self) -> Waiter:
        return self.line.popitem(last=False)[0]

    def oldest_wait_seconds(self, now: float) -> float:
        for joined_at in self.line.values():
            return now - joined_at
        return 0.0

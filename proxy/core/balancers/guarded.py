"""A balancer of somebody else's, behind which another one stands: its mistakes cost the choice, never a slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from proxy.core.balancers.base import Balancer
from proxy.core.replica import Replica

T = TypeVar("T")


class Guarded:
    """Asks `balancer` until it raises for the first time, and from then on `other`; `failed` is told why, once.

    A pool that got an exception between claiming a slot and handing it over would have lost the slot.
    """

    def __init__(self, balancer: Balancer, other: Balancer, failed: Callable[[Exception], None]) -> None:
        self._balancer = balancer
        self._other = other
        self._failed = failed
        self._trusted = True
        self._free: dict[Replica, None] = {}

    def join(self, replica: Replica) -> None:
        self._free[replica] = None
        if not self._trusted:
            self._other.join(replica)
        else:
            self._try(lambda: self._balancer.join(replica))

    def leave(self, replica: Replica) -> None:
        del self._free[replica]
        if not self._trusted:
            self._other.leave(replica)
        else:
            self._try(lambda: self._balancer.leave(replica))

    def update(self, replica: Replica) -> None:
        if not self._trusted:
            self._other.update(replica)
        else:
            self._try(lambda: self._balancer.update(replica))

    def choose(self) -> Replica | None:
        chosen: object = self._try(self._balancer.choose) if self._trusted else None
        if not self._trusted:
            return self._other.choose()
        return chosen if isinstance(chosen, Replica) else None

    def _try(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except Exception as error:  # somebody else's code may raise anything
            self._trusted = False
            for replica in self._free:
                self._other.join(replica)
            self._failed(error)
            return None

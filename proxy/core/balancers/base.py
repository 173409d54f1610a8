"""What a balancer is told, and the one question it answers."""

from __future__ import annotations

from typing import Protocol

from proxy.core.replica import Replica


class Balancer(Protocol):
    """Chooses among the replicas with a free slot; the pool claims the slot in the same step.

    A balancer is built without arguments, one for each app, and called on one thread. It may read `order`
    (start order), `id`, `address`, `in_flight` and `limit` of a replica, changes nothing, and raises nothing: a
    plug-in that does is replaced (guarded.py).
    """

    def join(self, replica: Replica) -> None:
        """The replica has a free slot now: it became ready, or is no longer full."""

    def leave(self, replica: Replica) -> None:
        """It has none any more: it is full, or takes no traffic."""

    def update(self, replica: Replica) -> None:
        """Its `in_flight` changed and a slot is still free: after a choice, or when a slot came back."""

    def choose(self) -> Replica | None:
        """One of those that joined and have not left; None only if there are none."""

"""round-robin: continues after the last one that was given a request; full replicas are skipped."""

from __future__ import annotations

from proxy.core.balancers.start_order import StartOrder
from proxy.core.replica import Replica


class RoundRobin:
    """Goes round in start order."""

    def __init__(self) -> None:
        self._free = StartOrder()
        self._last = -1  # start order of the last choice

    def join(self, replica: Replica) -> None:
        self._free.add(replica)

    def leave(self, replica: Replica) -> None:
        self._free.remove(replica)

    def update(self, replica: Replica) -> None:
        """Load makes no difference here."""

    def choose(self) -> Replica | None:
        replica = self._free.first(self._last + 1) or self._free.first()
        if replica is not None:
            self._last = replica.order
        return replica

"""first-available: the first in start order with a free slot; keeps the later ones idle, so that they can go."""

from __future__ import annotations

from proxy.core.balancers.start_order import StartOrder
from proxy.core.replica import Replica


class FirstAvailable:
    def __init__(self) -> None:
        self._free = StartOrder()

    def join(self, replica: Replica) -> None:
        self._free.add(replica)

    def leave(self, replica: Replica) -> None:
        self._free.remove(replica)

    def update(self, replica: Replica) -> None:
        """Load makes no difference here."""

    def choose(self) -> Replica | None:
        return self._free.first()

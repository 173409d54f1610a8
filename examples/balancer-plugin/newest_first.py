"""newest-first: the replica that was started last gets the request; the oldest fall idle and are the first to go."""

from __future__ import annotations

from bisect import insort

from proxy.core.replica import Replica


class NewestFirst:
    """For servers that grow slower or larger with age."""

    def __init__(self) -> None:
        self._free: list[Replica] = []  # in start order

    def join(self, replica: Replica) -> None:
        insort(self._free, replica, key=lambda other: other.order)

    def leave(self, replica: Replica) -> None:
        self._free.remove(replica)

    def update(self, replica: Replica) -> None:
        """Load makes no difference here."""

    def choose(self) -> Replica | None:
        return self._free[-1] if self._free else None

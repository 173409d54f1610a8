"""Replicas in the order of a changing number, the smallest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace

from proxy.core.replica import Replica

_ORDER_BITS = 32
_ORDER_MASK = (1 << _ORDER_BITS) - 1


class Ranking:
    """A heap whose outdated entries are skipped when they surface, and swept when they outnumber the rest.

    An entry is one integer, key and start order together: comparing integers is what keeps 10,000 replicas
    as cheap as ten. Keys are at least 0; equal keys go in start order.
    """

    __slots__ = ("_entries", "_heap", "_members")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._entries: dict[int, int] = {}  # start order → the entry that counts
        self._members: dict[int, Replica] = {}

    def put(self, replica: Replica, key: int) -> None:
        """Add the replica, or change its key."""
        order = replica.order
        entry = key << _ORDER_BITS | order
        before = self._entries.get(order)
        self._entries[order] = entry
        if before is None:
            self._members[order] = replica
        if self._heap and self._heap[0] == before:
            heapreplace(self._heap, entry)
            return
        heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + 16:
            self._heap = list(self._entries.values())
            heapify(self._heap)

    def drop(self, replica: Replica) -> None:
        del self._entries[replica.order]
        del self._members[replica.order]

    def first(self) -> Replica | None:
        heap, entries = self._heap, self._entries
        while heap:
            entry = heap[0]
            order = entry & _ORDER_MASK
            if entries.get(order) == entry:
                return self._members[order]
            heappop(heap)
        return None

"""Replicas in start order, and the first of them from any place on."""

from __future__ import annotations

from typing import Final

from proxy.core.replica import Replica

_BITS: Final = 8
_MASK: Final = (1 << _BITS) - 1


class StartOrder:
    """A bit for each start order, in blocks of 256, and a bit for each block that is not empty.

    Looking for the next bit costs about the same for ten replicas as for ten thousand, and touches little memory.
    """

    __slots__ = ("_blocks", "_filled", "_members")

    def __init__(self) -> None:
        self._members: dict[int, Replica] = {}
        self._blocks: dict[int, int] = {}
        self._filled = 0

    def add(self, replica: Replica) -> None:
        block = replica.order >> _BITS
        self._members[replica.order] = replica
        self._blocks[block] = self._blocks.get(block, 0) | 1 << (replica.order & _MASK)
        self._filled |= 1 << block

    def remove(self, replica: Replica) -> None:
        block = replica.order >> _BITS
        del self._members[replica.order]
        self._blocks[block] ^= 1 << (replica.order & _MASK)
        if not self._blocks[block]:
            del self._blocks[block]
            self._filled ^= 1 << block

    def first(self, start: int = 0) -> Replica | None:
        """The first whose `order` is at least `start`."""
        block = start >> _BITS
        bits = self._blocks.get(block, 0) >> (start & _MASK)
        if bits:
            return self._members[start + _lowest(bits)]
        filled = self._filled >> block + 1
        if not filled:
            return None
        block += 1 + _lowest(filled)
        return self._members[(block << _BITS) + _lowest(self._blocks[block])]


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1

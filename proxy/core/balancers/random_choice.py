"""random-choice-2: two random replicas, the less loaded wins, ties at random (Mitzenmacher 2001)."""

from __future__ import annotations

from random import Random

from proxy.core.replica import Replica


class RandomChoice2:
    """Draws among the replicas with a free slot only: full ones cannot both be drawn while another is free."""

    def __init__(self, random: Random | None = None) -> None:
        self._random = (random or Random()).random
        self._free: list[Replica] = []
        self._place: dict[Replica, int] = {}

    def join(self, replica: Replica) -> None:
        self._place[replica] = len(self._free)
        self._free.append(replica)

    def leave(self, replica: Replica) -> None:
        place = self._place.pop(replica)
        last = self._free.pop()
        if last is not replica:
            self._free[place] = last
            self._place[last] = place

    def update(self, replica: Replica) -> None:
        """Load is read when drawing."""

    def choose(self) -> Replica | None:
        free = self._free
        count = len(free)
        if count <= 1:
            return free[0] if free else None
        # random() times count is three times cheaper than randrange(), and exact enough below 2**53.
        first = int(self._random() * count)
        second = int(self._random() * (count - 1))
        if second >= first:
            second += 1
        one, other = free[first], free[second]
        return one if one.in_flight <= other.in_flight else other

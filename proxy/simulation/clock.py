"""Virtual time: what happens next."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Action = Callable[[float], None]


class Clock:
    """Calls everything at its time, in order; at the same time in the order in which it was asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Action]] = []
        self._order = count()

    def at(self, when: float, action: Action) -> None:
        heappush(self._due, (when, next(self._order), action))

    def run_until(self, end: float) -> None:
        """Everything that is due up to `end`, what comes up meanwhile included."""
        due = self._due
        while due and due[0][0] <= end:
            self.now, _, action = heappop(due)
            action(self.now)
        self.now = end

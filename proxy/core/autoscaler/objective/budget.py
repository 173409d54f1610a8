"""How many requests were late beside how many may be, over all that is remembered."""

from __future__ import annotations

import math

_WEEK_SECONDS = 7 * 86_400.0
# So few say nothing.
_FEW_LATE = 3.0


class Budget:
    """Since the start, forgotten within weeks: what an hour cannot show, such as a burst every eight hours."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._requests = 0.0
        self._late = 0.0

    def spend(self, requests: int, late: int) -> None:
        self._requests += requests
        self._late += late

    def fade(self, seconds: float) -> None:
        kept = math.exp(-seconds / _WEEK_SECONDS)
        self._requests *= kept
        self._late *= kept

    @property
    def overdraft(self) -> int:
        """0 while the promise holds; 1 where up to twice as many were late, 2 up to four times, and so on."""
        most = self._share * self._requests + _FEW_LATE
        return max(0, math.ceil(math.log2(self._late / most))) if self._late > most else 0

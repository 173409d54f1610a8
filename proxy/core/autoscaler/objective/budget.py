"""How many requests were late beside how many may be, over all that is remembered."""

from __future__ import annotations

import math

_WEEK_SECONDS = 7 * 86_400.0
# Late requests so near each other are of one burst.
_BURST_SECONDS = 300.0
# So few say nothing.
_FEW_LATE = 3.0
# So many standard deviations more may be chance.
_CHANCE = 2.0


class Budget:
    """Since the start, forgotten within weeks: what an hour cannot show, such as a burst every eight hours.

    Once it is overdrawn by more than chance, it stays so until it could bear the largest burst again.
    """

    def __init__(self, share: float) -> None:
        self.overdraft = 0  # 1 where up to twice as many were late as may be, 2 up to four times, and so on
        self._share = share
        self._requests = 0.0
        self._late = 0.0
        self._burst = 0.0
        self._largest = 0.0

    def spend(self, requests: int, late: int) -> None:
        self._requests += requests
        self._late += late
        self._burst += late

    def fade(self, seconds: float) -> None:
        self._largest = max(self._largest, self._burst)
        self._burst *= math.exp(-seconds / _BURST_SECONDS)
        kept = math.exp(-seconds / _WEEK_SECONDS)
        self._requests *= kept
        self._late *= kept
        self._largest *= kept
        self.overdraft = self._judged()

    @property
    def strained(self) -> bool:
        """Whether one more burst like the largest would overdraw it."""
        return self._late + self._largest > self._allowed

    @property
    def _allowed(self) -> float:
        return self._share * self._requests + _FEW_LATE

    def _judged(self) -> int:
        allowed = self._allowed
        owed = self.strained if self.overdraft else self._late > allowed + _CHANCE * math.sqrt(allowed)
        return max(1, math.ceil(math.log2(self._late / allowed))) if owed else 0

"""The last rows of numbers, one for each look, and the lowest and highest of them."""

from __future__ import annotations

from collections import deque

Row = tuple[int, ...]

# A cold start takes at most 830 s, and looks are a second apart.
_LOOKS = 1024


class Lookback:
    """Rows that repeat, as most do, are kept once. Before the first look all are 0."""

    def __init__(self, width: int) -> None:
        self._none: Row = (0,) * width
        self._runs: deque[tuple[int, Row]] = deque()  # the number of the look that it began with
        self._looks = 0

    def push(self, row: Row) -> None:
        runs = self._runs
        if not runs or runs[-1][1] != row:
            runs.append((self._looks, row))
        self._looks += 1
        if len(runs) > 1 and runs[1][0] <= self._looks - _LOOKS:
            runs.popleft()

    def lowest(self, count: int) -> Row:
        """Over the last `count` rows; over what there is, if that is less."""
        rows = self._last(count)
        return rows[0] if len(rows) == 1 else tuple(map(min, *rows))

    def highest(self, count: int) -> Row:
        rows = self._last(count)
        return rows[0] if len(rows) == 1 else tuple(map(max, *rows))

    def _last(self, count: int) -> list[Row]:
        first = self._looks - count
        rows = []
        for began, row in reversed(self._runs):
            rows.append(row)
            if began <= first:
                break
        return rows or [self._none]

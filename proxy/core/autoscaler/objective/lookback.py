"""The last rows of numbers, one for each look, and the lowest and highest of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.int64]

# A cold start takes at most 830 s, and looks are a second apart.
_ROWS = 1024


class Lookback:
    """A ring that is written twice, so that the last rows always lie side by side."""

    def __init__(self, width: int) -> None:
        self._rows = np.zeros((2 * _ROWS, width), dtype=np.int64)
        self._next = 0
        self._filled = 0

    def __getstate__(self) -> NDArray[np.int32]:
        """For copies: every row once."""
        return self._last(_ROWS)[: self._filled].astype(np.int32)

    def __setstate__(self, rows: NDArray[np.int32]) -> None:
        self._rows = np.concatenate([rows, np.zeros((_ROWS - len(rows), rows.shape[1]), dtype=np.int64)] * 2)
        self._next, self._filled = len(rows) % _ROWS, len(rows)

    def push(self, row: Row | list[int]) -> None:
        self._rows[self._next] = self._rows[self._next + _ROWS] = row
        self._next = (self._next + 1) % _ROWS
        self._filled = min(self._filled + 1, _ROWS)

    def lowest(self, count: int) -> Row:
        """Over the last `count` rows; over what there is, if that is less."""
        lowest: Row = self._last(count).min(axis=0)
        return lowest

    def highest(self, count: int) -> Row:
        highest: Row = self._last(count).max(axis=0)
        return highest

    def _last(self, count: int) -> Row:
        count = max(1, min(count, self._filled))
        end = self._next + _ROWS if self._next < count else self._next
        return self._rows[end - count : end] if self._filled else self._rows[:1]

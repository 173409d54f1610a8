"""How long requests are served: the mean of late, and the chance to take longer than a given time."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

_KEPT = 400
_SORT_EVERY = 50
_FADING = 0.995  # per request: the mean reaches back over about 200 of them


class ServiceTimes:
    """The last service times of one app, in seconds."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_KEPT)
        self._sorted: list[float] = []
        self._unsorted = 0
        self._sum = 0.0
        self._weight = 0.0

    def add(self, seconds: float) -> None:
        self._recent.append(seconds)
        self._unsorted += 1
        self._sum = _FADING * self._sum + seconds
        self._weight = _FADING * self._weight + 1

    @property
    def mean(self) -> float:
        """A second before anything was served."""
        return max(1e-3, self._sum / self._weight) if self._weight else 1.0

    def refresh(self) -> None:
        """Take new times into the distribution, once there are enough of them to be worth the sorting."""
        if self._unsorted >= _SORT_EVERY or not self._sorted:
            self._sorted = sorted(self._recent)
            self._unsorted = 0

    def survival(self, seconds: float) -> float:
        """The chance that a service lasts longer."""
        if not self._sorted:
            return 1.0 if seconds < 1 else 0.0
        return 1 - bisect_right(self._sorted, seconds) / len(self._sorted)

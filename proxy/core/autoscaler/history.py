"""An app's demand minute by minute over the last weeks: what forecasts are made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proxy.core.demand import DemandSample
from proxy.core.window import MeanWindow

DAYS = 28
MINUTES = DAYS * 24 * 60
# A minute of which less was seen is left out: one that is half missed would look half as busy.
_LEAST_SECONDS = 45.0

Series = NDArray[np.float32]


class Minute(NamedTuple):
    """`at` counts minutes since 1970 in UTC; `demand` is the highest mean of an evaluation interval that ends in it."""

    at: int
    demand: float
    requests: int


@dataclass(frozen=True, slots=True)
class Past:
    """Minutes one after the other, the last of them `end` - 1; NaN where nothing is known."""

    end: int
    demand: Series
    requests: Series


class History:
    """A ring of the last four weeks: bounded however long the app runs, with gaps where it did not."""

    def __init__(self) -> None:
        self._at = np.full(MINUTES, -1, dtype=np.int64)
        self._demand = np.zeros(MINUTES, dtype=np.float32)
        self._requests = np.zeros(MINUTES, dtype=np.float32)

    def add(self, minutes: Iterable[Minute]) -> None:
        for at, demand, requests in minutes:
            place = at % MINUTES
            self._at[place], self._demand[place], self._requests[place] = at, demand, requests

    def before(self, end: int, count: int = MINUTES) -> Past:
        """The last `count` minutes before `end`, as a copy that may be read in another thread."""
        minutes = np.arange(end - count, end)
        places = minutes % MINUTES
        known = self._at[places] == minutes
        demand = np.where(known, self._demand[places], np.float32(np.nan))
        return Past(end, demand, np.where(known, self._requests[places], np.float32(np.nan)))


class Tally:
    """The minute that is going on."""

    def __init__(self, interval_seconds: float) -> None:
        self._mean = MeanWindow(interval_seconds)
        self._at = -1
        self._demand = 0.0
        self._requests = 0
        self._seconds = 0.0

    def add(self, wall_seconds: float, now: float, sample: DemandSample) -> Minute | None:
        """Take what was seen since the look before; the minute before, if this look is the first of another."""
        minute = int(wall_seconds // 60)
        over = self._close(minute) if minute != self._at else None
        self._mean = self._mean.add(now, sample.seconds, sample.mean)
        self._demand = max(self._demand, self._mean.mean(now))
        self._requests += sample.arrivals
        self._seconds += sample.seconds
        return over

    def _close(self, minute: int) -> Minute | None:
        over = Minute(self._at, self._demand, self._requests) if self._seconds >= _LEAST_SECONDS else None
        self._at, self._demand, self._requests, self._seconds = minute, 0.0, 0, 0.0
        return over

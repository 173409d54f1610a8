"""An app's demand minute by minute over the last weeks: what forecasts are made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proxy.core.autoscaler.observation import Observation

DAYS = 28
MINUTES = DAYS * 24 * 60
# A minute of which less was seen is left out: one that is half missed would look half as busy.
_LEAST_SECONDS = 45.0
_HALF_SECONDS = 30.0

Series = NDArray[np.float32]


class Minute(NamedTuple):
    """`at` counts minutes since 1970 in UTC; `demand` is the mean of requests at once in its busier half.

    A line that only built up because nothing was ready is no demand: see Tally.
    """

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
    """The minute that is going on; every look costs a few additions.

    Demand is what was present, but of those who waited no more than what came in the half minute kept in service
    (Little's law): a line behind a cold start would otherwise be forecast as load on the next day.
    """

    def __init__(self) -> None:
        self._half = -1  # half minutes since 1970
        self._present = self._served = self._brought = self._seconds = 0.0  # request-seconds of this half minute
        self._peak = self._seen = 0.0  # of this minute before it
        self._requests = 0

    def add(self, wall_seconds: float, seen: Observation) -> Minute | None:
        """Take what was seen since the look before; the minute before, if this look is the first of another."""
        half = int(wall_seconds // _HALF_SECONDS)
        over = self._turn(half) if half != self._half else None
        sample = seen.sample
        present = sample.seconds * sample.mean
        self._present += present
        self._served += present * seen.in_flight / seen.demand if seen.demand else present
        self._brought += present if seen.service_seconds is None else sample.arrivals * seen.service_seconds
        self._seconds += sample.seconds
        self._requests += sample.arrivals
        return over

    def _turn(self, half: int) -> Minute | None:
        """Begin another half minute, and perhaps another minute."""
        if self._seconds:
            demand = min(self._present, max(self._served, self._brought))
            self._peak = max(self._peak, demand / self._seconds)
        self._seen += self._seconds
        minute, self._half = self._half // 2, half
        self._present = self._served = self._brought = self._seconds = 0.0
        if half // 2 == minute:
            return None
        over = Minute(minute, self._peak, self._requests) if self._seen >= _LEAST_SECONDS else None
        self._peak, self._seen, self._requests = 0.0, 0.0, 0
        return over

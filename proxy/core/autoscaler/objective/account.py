"""What every number of replicas, held all the time, would have cost and saved lately."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# What is remembered: ten cold starts, within bounds …
_MEMORY_COLD_STARTS = 10
_SHORTEST_MEMORY_SECONDS, _LONG_MEMORY_SECONDS = 30.0, 360.0
# … and longer where few requests come, but no longer than this.
_LONGEST_MEMORY_SECONDS = 3600.0
# A second copy sees demand + √demand, for bursts somewhat larger than any seen.
_BURST_WEIGHT = 0.1
MIX = np.array([1 - _BURST_WEIGHT, _BURST_WEIGHT])
_FIRST_SIZE = 32
# Numpy takes an array sooner than a number, which it makes an array of first.
_ZERO, _ONE = np.zeros(()), np.ones(())
# Of the discounted vectors: a copy has views of its own.
_VIEWS = ("waiting", "rescues", "late")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: a service, a cold start, and how far back those requests reach that tell a share from none."""

    service: float
    cold_start: float
    telling: float = 0.0

    @property
    def memory(self) -> float:
        starts = min(_LONG_MEMORY_SECONDS, _MEMORY_COLD_STARTS * self.cold_start)
        return max(_SHORTEST_MEMORY_SECONDS, starts, min(_LONGEST_MEMORY_SECONDS, self.telling))


@dataclass(frozen=True, slots=True)
class Terms:
    """What waiting is worth: `rescue_price` in replica-seconds per second of waiting, for reactive starts;
    a request that waits nearly `late_seconds` counts as late."""

    rescue_price: float
    late_seconds: float


class Account:
    """Vectors over k = 0, 1, 2 … replicas, each twice: for the demand seen, and for somewhat larger bursts.

    backlog   requests postponed now, as a fluid, had there been k replicas
    waiting   request-seconds waited, discounted
    rescues   replica-seconds of the reactive starts that would have cut the backlog, discounted
    late      requests that would have waited too long, discounted
    """

    def __init__(self, concurrency: int, now: float) -> None:
        self.concurrency = concurrency
        self.backlog = np.zeros((2, _FIRST_SIZE))
        self._discounted = np.zeros((3, 2, _FIRST_SIZE))
        self.waiting, self.rescues, self.late = self._discounted
        self.seconds = 0.0  # discounted like the rest
        self.recent = Recent(now)
        self._count()
        self._demands = np.zeros((2, 1))
        self._now = now

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name not in _VIEWS}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self.waiting, self.rescues, self.late = self._discounted

    @property
    def size(self) -> int:
        return self.backlog.shape[1]

    @property
    def since(self) -> float:
        return self._now

    def reach(self, demand: float) -> None:
        """Have room for the numbers of replicas that such a demand may want."""
        needed = int((demand + math.sqrt(demand)) / self.concurrency) + 5
        if needed <= self.size:
            return
        more = (0, 2 * needed - self.size)
        self.backlog = np.pad(self.backlog, ((0, 0), more))
        self._discounted = np.pad(self._discounted, ((0, 0), (0, 0), more))
        self.waiting, self.rescues, self.late = self._discounted
        self._count()

    def advance(self, now: float, demand: float, times: Times, terms: Terms) -> None:
        """Up to now there was this demand."""
        seconds = now - self._now
        if seconds <= 0:
            return
        self._now = now
        fading = math.exp(-seconds / times.memory)
        bound, arrivals = self.recent.within(now, times.cold_start)
        self.seconds = fading * self.seconds + seconds
        self._discounted *= fading
        if not demand and not self.backlog[1, 0]:  # the largest of all: nobody would wait, however few there were
            return
        self._demands[0, 0], self._demands[1, 0] = demand, demand + math.sqrt(demand)
        missing = self._demands - self._slots
        self.backlog += missing * (seconds / times.service)
        np.maximum(self.backlog, _ZERO, out=self.backlog)
        self._rescue(bound, times, terms.rescue_price)
        self.waiting += self.backlog * seconds
        if arrivals and times.cold_start > 0.9 * terms.late_seconds:
            self.late += arrivals * self._lateness(missing, times, terms.late_seconds)

    def weighed(self, weights: Vector) -> Vector:
        """For each row of weights the sum over waiting, rescues and late, each with its two copies."""
        sums: Vector = weights @ self._discounted.reshape(-1, self.size)
        return sums

    def _rescue(self, bound: float, times: Times, price: float) -> None:
        """A backlog older than a cold start would have been served by reactive starts: charge those instead."""
        if self.backlog[1, 0] <= bound:  # the largest of all
            return
        excess = self.backlog - bound
        np.maximum(excess, _ZERO, out=excess)
        self.backlog -= excess
        share = math.sqrt(price * times.service / (2 * self.concurrency * times.cold_start))
        served = max(self.concurrency, 1 / share) if share > 0 else self.concurrency  # by each started replica
        self.rescues += excess * (times.service / self.concurrency + times.cold_start / served)

    def _lateness(self, missing: Vector, times: Times, late_seconds: float) -> Vector:
        """How late a request is that arrives now: rising steeply to 1 at 0.8 of the time allowed.

        Nobody waits longer than a cold start, which is longer than that.
        """
        lateness: Vector = missing + self.backlog
        np.maximum(lateness, _ZERO, out=lateness)
        lateness *= self._seconds_each * (times.service / (0.8 * late_seconds))
        np.minimum(lateness, _ONE, out=lateness)
        lateness *= lateness
        lateness *= lateness
        return lateness

    def _count(self) -> None:
        self.held = np.arange(self.size, dtype=np.float64)
        self._slots = self.held * self.concurrency
        self._seconds_each = 1 / np.maximum(self._slots, 1e-9)  # of waiting for each request ahead, in service times


class Recent:
    """The requests that arrived, counted so that one may ask for those within any of the last seconds."""

    def __init__(self, now: float) -> None:
        self.arrived = 0
        self._counted = 0
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])

    def within(self, now: float, seconds: float) -> tuple[float, int]:
        """Those of the last `seconds`, and those since this was asked before. Longer ago is forgotten."""
        marks = self._marks
        new = self.arrived - self._counted
        self._counted = self.arrived
        marks.append((now, self.arrived))
        while len(marks) > 1 and marks[1][0] <= now - seconds:
            marks.popleft()
        return float(self.arrived - marks[0][1]), new

    @property
    def bound(self) -> float:
        """The same, as of the last time."""
        return float(self.arrived - self._marks[0][1])

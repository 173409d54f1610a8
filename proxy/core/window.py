"""Mean and maximum over the last seconds, as values: adding to one makes another."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class MeanWindow:
    """The time-weighted mean of a quantity over the last `span` seconds, or since the first sample."""

    span: float
    # Of the samples, side by side: summing up a tuple of numbers is quicker than a loop.
    _ends: tuple[float, ...] = ()
    _seconds: tuple[float, ...] = ()
    _areas: tuple[float, ...] = ()  # seconds × mean

    def add(self, now: float, seconds: float, mean: float) -> MeanWindow:
        """Take a mean over the `seconds` before now."""
        first = bisect_right(self._ends, now - self.span)
        if seconds <= 0 and not first:
            return self
        ends, lengths, areas = self._ends[first:], self._seconds[first:], self._areas[first:]
        if seconds <= 0:
            return MeanWindow(self.span, ends, lengths, areas)
        area = seconds * mean
        if lengths and lengths[-1] + seconds <= self.span / 64:  # samples come at every event: bound their number
            seconds, area = seconds + lengths[-1], area + areas[-1]
            ends, lengths, areas = ends[:-1], lengths[:-1], areas[:-1]
        return MeanWindow(self.span, (*ends, now), (*lengths, seconds), (*areas, area))

    def spanning(self, span: float) -> MeanWindow:
        """The same over other seconds, as far back as is known."""
        return replace(self, span=span)

    def mean(self, now: float) -> float:
        """Of the samples that end within the span the first may have begun before it: then a part of it counts."""
        start = now - self.span
        first = bisect_right(self._ends, start)
        if first == len(self._ends):
            return 0.0
        length = self._seconds[first]
        inside = min(length, self._ends[first] - start)
        weight = sum(self._seconds[first + 1 :], inside)
        return sum(self._areas[first + 1 :], self._areas[first] * (inside / length)) / weight


@dataclass(frozen=True, slots=True)
class MaxWindow:
    """The maximum of a number that holds until the next one, over the last `span` seconds."""

    span: float
    current: int = 0
    _past: tuple[tuple[float, int], ...] = ()  # (when it was replaced, value), values falling

    def add(self, now: float, value: int) -> MaxWindow:
        past = self._past
        if not past and value == self.current:
            return self
        if self.current > value:
            past = (*past, (now, self.current))
        if past and (past[0][0] <= now - self.span or past[-1][1] <= value):
            past = tuple((end, old) for end, old in past if end > now - self.span and old > value)
        return MaxWindow(self.span, value, past)

    def spanning(self, span: float) -> MaxWindow:
        """The same over other seconds, as far back as is known."""
        return replace(self, span=span)

    @property
    def max(self) -> int:
        return self._past[0][1] if self._past else self.current

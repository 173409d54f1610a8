"""Mean and maximum over the last seconds, as values: adding to one makes another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeanWindow:
    """The time-weighted mean of a quantity over the last `span` seconds, or since the first sample."""

    span: float
    _samples: tuple[tuple[float, float, float], ...] = ()  # (end, seconds, mean over them)

    def add(self, now: float, seconds: float, mean: float) -> MeanWindow:
        """Take a mean over the `seconds` before now."""
        kept = tuple(sample for sample in self._samples if sample[0] > now - self.span)
        if seconds <= 0:
            return MeanWindow(self.span, kept)
        last = kept[-1] if kept else None
        if last is not None and last[1] + seconds <= self.span / 64:  # samples come at every event: bound their number
            merged = last[1] + seconds
            kept = (*kept[:-1], (now, merged, (last[1] * last[2] + seconds * mean) / merged))
            return MeanWindow(self.span, kept)
        return MeanWindow(self.span, (*kept, (now, seconds, mean)))

    def spanning(self, span: float) -> MeanWindow:
        """The same over other seconds, as far back as is known."""
        return MeanWindow(span, self._samples)

    def mean(self, now: float) -> float:
        start = now - self.span
        weight = total = 0.0
        for end, seconds, mean in self._samples:
            inside = min(seconds, end - start)
            if inside > 0:
                weight += inside
                total += inside * mean
        return total / weight if weight else 0.0


@dataclass(frozen=True, slots=True)
class MaxWindow:
    """The maximum of a number that holds until the next one, over the last `span` seconds."""

    span: float
    current: int = 0
    _past: tuple[tuple[float, int], ...] = ()  # (when it was replaced, value), values falling

    def add(self, now: float, value: int) -> MaxWindow:
        past = (*self._past, (now, self.current))
        kept = tuple((end, old) for end, old in past if end > now - self.span and old > value)
        return MaxWindow(self.span, value, kept)

    def spanning(self, span: float) -> MaxWindow:
        """The same over other seconds, as far back as is known."""
        return MaxWindow(span, self.current, self._past)

    @property
    def max(self) -> int:
        return max([self.current, *(value for _, value in self._past)])

"""The mean demand over the last seconds, from looks."""

from __future__ import annotations

from collections import deque

from proxy.core.demand import DemandSample


class Average:
    """Keeps the samples of the longest window that is asked for; a window counts from the first sample on."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._samples: deque[tuple[float, float, float]] = deque()  # end, seconds, mean
        self._began: float | None = None

    def add(self, now: float, sample: DemandSample) -> None:
        if self._began is None:
            self._began = now
        if sample.seconds > 0:
            self._samples.append((now, sample.seconds, sample.mean))
        while self._samples and self._samples[0][0] <= now - self._longest:
            self._samples.popleft()

    def over(self, seconds: float, now: float) -> float:
        area = 0.0
        for end, length, mean in reversed(self._samples):
            inside = min(length, end - (now - seconds))
            if inside <= 0:
                break
            area += inside * mean
        known = min(seconds, now - self._began) if self._began is not None else 0.0
        return area / known if known > 0 else 0.0

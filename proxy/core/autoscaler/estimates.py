"""How long the cold starts of an app take, learned from those that it had."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

_STARTS_KEPT = 9


@dataclass(frozen=True, slots=True)
class ColdStart:
    """An estimate: seconds from the decision to start until ready, and of each phase of it."""

    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)


class ColdStarts:
    """The last cold starts of one app; the estimate is their median, which one hiccup does not move."""

    def __init__(self) -> None:
        self.estimate: ColdStart | None = None  # None before the first
        self._kept: deque[Mapping[str, float]] = deque(maxlen=_STARTS_KEPT)

    def add(self, phases: Mapping[str, float]) -> None:
        """One cold start, in seconds by phase."""
        self._kept.append(phases)
        medians = {name: median(start.get(name, 0.0) for start in self._kept) for name in phases}
        self.estimate = ColdStart(median(sum(start.values()) for start in self._kept), medians)

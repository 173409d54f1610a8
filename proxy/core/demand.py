"""How many requests an app had, averaged exactly over time, at the price of one addition per change."""

from __future__ import annotations

from typing import NamedTuple


class DemandSample(NamedTuple):
    """What happened since the sample before."""

    seconds: float
    mean: float  # requests in flight or waiting, averaged over those seconds
    arrivals: int
    refused: int = 0  # those of the arrivals that found neither a slot nor room in the line


class Demand:
    """The requests in flight or waiting, and the area under their number since the last sample.

    A request present from a to b adds b - a to the area: so arriving subtracts the time, leaving adds it,
    and those still here add the time of the sample. Times are taken from the last sample, to keep them small.
    """

    __slots__ = ("_area", "_arrivals", "_refused", "_since", "present")

    def __init__(self, now: float) -> None:
        self.present = 0
        self._since = now
        self._area = 0.0
        self._arrivals = 0
        self._refused = 0

    def arrive(self, now: float) -> None:
        self.present += 1
        self._arrivals += 1
        self._area -= now - self._since

    def leave(self, now: float) -> None:
        self.present -= 1
        self._area += now - self._since

    def refuse(self) -> None:
        """A request came and was turned away at once."""
        self._arrivals += 1
        self._refused += 1

    def sample(self, now: float) -> DemandSample:
        seconds = now - self._since
        mean = (self._area + self.present * seconds) / seconds if seconds > 0 else float(self.present)
        sample = DemandSample(seconds, max(0.0, mean), self._arrivals, self._refused)
        if seconds > 0:  # counts go to a sample of some time: only there they have a rate
            self._area, self._since, self._arrivals, self._refused = 0.0, now, 0, 0
        return sample

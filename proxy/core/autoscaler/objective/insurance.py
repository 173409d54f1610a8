"""Bursts come back: what they needed is held when they may, as long as the requests saved are worth it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev

# Of each order of size so many returns are remembered.
_REMEMBERED = 16
# How far the next gap may differ from one that was seen once, as a share; from n gaps an nth.
_FIRST_SPREAD = 0.1
# Who is late now would have needed a replica a little sooner.
_EARLY_SECONDS = 10.0
# A burst is over when nobody has been late for a cold start and this long.
_OVER_SECONDS = 30.0
# An unknown gap is as likely below this as above it.
_MEDIAN_SECONDS = 300.0
# A value is reckoned anew after this share of the time since the last burst.
_STALE_SHARE = 1 / 500


@dataclass(frozen=True, slots=True)
class Sight:
    """A moment without insurance: requests that arrive and will be late, replicas `ready` and `needed`."""

    now: float
    late: int
    ready: int
    needed: float


@dataclass(slots=True)
class Burst:
    """Since `begun`, `late` requests would have waited too long; `needed` is a sum over them."""

    begun: float
    ready: int
    late: int = 0
    needed: float = 0.0
    last_late: float = 0.0

    @property
    def size(self) -> int:
        """The replicas that were needed, in the mean over those who were late."""
        return max(self.ready + 1, math.ceil(self.needed / self.late))

    def add(self, sight: Sight) -> None:
        self.late += sight.late
        self.needed += sight.late * sight.needed
        self.last_late = sight.now


class Insurance:
    """Owns the bursts that were not foreseen.

    Replicas are taken in tiers of doubling size: large bursts have gaps of their own between small ones.
    """

    def __init__(self) -> None:
        self._burst: Burst | None = None
        self._tiers: list[Tier] = []
        self._held = 0

    def see(self, sight: Sight, cold_start: float) -> None:
        """In order of time, whether anybody is late or not."""
        if sight.late:
            self._burst = self._burst or Burst(sight.now, sight.ready)
            self._burst.add(sight)
        elif self._burst and sight.now - self._burst.last_late > cold_start + _OVER_SECONDS:
            self._remember(self._burst)
            self._burst = None

    def held(self, now: float, cold_start: float, price: float) -> int:
        """How many replicas to hold, where a late request is worth so many replica-seconds."""
        worth = (tier.size for tier in self._tiers if tier.saved(now, cold_start) * price >= 1)
        kept = self._held if self._burst else 0
        self._held = max(max(worth, default=0), kept)
        return self._held

    def _remember(self, burst: Burst) -> None:
        size = burst.size
        while 2 ** len(self._tiers) <= size:
            self._tiers.append(Tier())
        for number, tier in enumerate(self._tiers):
            most = 2 ** (number + 1) - 1
            if burst.ready < most and size >= 2**number:
                tier.remember(burst.begun, min(size, most), burst.late / (size - burst.ready))


@dataclass(slots=True)
class Tier:
    """When replicas of one order of size were needed, and how many requests each of them would have saved."""

    size: int = 0
    _last: float = 0.0
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _savings: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _saved: float = 0.0
    _stale_at: float = 0.0

    def remember(self, begun: float, size: int, saved: float) -> None:
        if self._savings:
            self._gaps.append(begun - self._last)
        self._last = begun
        self._savings.append(saved)
        self.size = max(self.size, size)
        self._stale_at = begun

    def saved(self, now: float, cold_start: float) -> float:
        """How many requests a second of holding one replica saves now, or when one started now will be ready."""
        if now >= self._stale_at and self._savings:
            since = now - self._last
            moments = (since, since + cold_start / 2, since + cold_start + _EARLY_SECONDS)
            self._saved = max(hazard(moment, self._gaps) for moment in moments) * fmean(self._savings)
            self._stale_at = now + since * _STALE_SHARE
        return self._saved


def hazard(seconds: float, gaps: Sequence[float]) -> float:
    """The chance per second that it comes back so long after the last time, not having come before.

    Each gap seen counts once, spread (log-normally) as far as gaps differ; once, too, that it comes at random, at the
    mean rate; once that nothing is known: the longer it has not come, the longer it will probably take (Lindy's law);
    and once that it never comes again, so that a long silence costs little.
    """
    density = _MEDIAN_SECONDS / (_MEDIAN_SECONDS + seconds) ** 2
    left = 1 + _MEDIAN_SECONDS / (_MEDIAN_SECONDS + seconds)
    if gaps:
        mean = fmean(gaps)
        density += math.exp(-seconds / mean) / mean
        left += math.exp(-seconds / mean)
        logs = [math.log(gap) for gap in gaps]
        spread = _FIRST_SPREAD / len(logs) + pstdev(logs) * len(logs) ** -0.2  # Silverman's rule
        place = math.log(seconds)
        offs = [(place - log) / spread for log in logs]
        density += sum(math.exp(-off * off / 2) for off in offs) / (spread * seconds * math.sqrt(math.tau))
        left += sum(math.erfc(off / math.sqrt(2)) for off in offs) / 2
    return density / left

"""The `objective` policy as a value, though what it has learned is too large to be copied at every look."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import NamedTuple

from proxy.config import Scaling
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.objective.reckoner import Reckoner
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish

# A copy is kept once in so many looks, or where so many steps of requests were seen since.
_LOOKS, _ENTRIES = 60, 5000


class Objective:
    """A look leaves it as it was: the same look gives the same wish again.

    The reckoner is handed on to what the first look returns. Whoever looks with the older value again gets
    a reckoner of its own, made from the last copy and the looks since.
    """

    __slots__ = ("_past", "_reckoner")

    def __init__(self, reckoner: Reckoner, past: _Past) -> None:
        self._reckoner: Reckoner | None = reckoner
        self._past = past

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> Objective:
        reckoner = Reckoner(settings, now)
        return cls(reckoner, _Past.copied(reckoner))

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, Objective]:
        reckoner, self._reckoner = self._reckoner or self._past.reckoner(), None
        wish = reckoner.look(settings, seen, limits, now)
        return wish, Objective(
            reckoner, self._past.after(_Look(self._past.last, settings, seen, limits, now), reckoner)
        )


class _Look(NamedTuple):
    before: _Look | None
    settings: Scaling
    seen: Observation
    limits: Limits
    now: float


@dataclass(frozen=True, slots=True)
class _Past:
    """A copy of a reckoner, and the looks that it has not seen, the last one first."""

    copy: bytes
    last: _Look | None = None
    looks: int = 0
    entries: int = 0

    @classmethod
    def copied(cls, reckoner: Reckoner) -> _Past:
        return cls(pickle.dumps(reckoner, pickle.HIGHEST_PROTOCOL))

    def after(self, look: _Look, reckoner: Reckoner) -> _Past:
        """With one look more, after which the reckoner is as given."""
        looks, entries = self.looks + 1, self.entries + len(look.seen.journal)
        if looks >= _LOOKS or entries >= _ENTRIES:
            return _Past.copied(reckoner)
        return _Past(self.copy, look, looks, entries)

    def reckoner(self) -> Reckoner:
        """Another one that has seen the same."""
        reckoner: Reckoner = pickle.loads(self.copy)
        looks, look = [], self.last
        while look is not None:
            looks.append(look)
            look = look.before
        for look in reversed(looks):
            reckoner.look(*look[1:])
        return reckoner

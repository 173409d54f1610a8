"""What every scaling policy offers: looks at an app, one after the other, and says how many replicas it wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation


@dataclass(frozen=True, slots=True)
class Wish:
    """`count` is wanted now; `held` ≥ count is what the policy's own slowness in going down still keeps.

    `why_held` follows "held at N: "; "" is the cooldown.
    """

    count: int
    held: int
    terms: tuple[Term, ...]  # the deciding one is the largest; "buffer" comes on top
    observed: float  # the policy's metric in its own unit, for people
    why_held: str = ""


class Policy(Protocol):
    """A value: what the policy remembers. Looking at an app gives a wish and the next value."""

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, Policy]: ...

"""How many replicas an app should have, and why: the words that are logged, shown and tested."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.core.autoscaler.limits import Limits

# What can have the last word over the terms.
CLAMPS = ("", "cooldown", "restart", "max_replicas", "min_replicas", "room")


@dataclass(frozen=True, slots=True)
class Term:
    """One rule's wish."""

    name: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`clamp` names what had the last word, one of CLAMPS; "" for the terms."""

    desired: int
    terms: tuple[Term, ...]
    clamp: str
    reason: str
    observed: float  # the metric's value, in its own unit
    limits: Limits  # those that held

"""How many replicas an app should have, and why: the words that are logged, shown and tested."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One rule's wish."""

    name: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`clamp` names what had the last word: "min_replicas", "max_replicas", "cooldown", or "" for the terms."""

    desired: int
    terms: tuple[Term, ...]
    clamp: str
    reason: str
    observed: float  # the metric's value, in its own unit

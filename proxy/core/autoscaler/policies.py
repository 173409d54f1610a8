"""Which policy an app's settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.config import Scaling
from proxy.core.autoscaler.load_thresholds import LoadThresholds
from proxy.core.autoscaler.policy import Policy
from proxy.core.autoscaler.target import Target


def _objective(settings: Scaling, now: float) -> Policy:
    from proxy.core.autoscaler.objective.policy import (
        Objective,
    )  # loads numpy, which the others' start need not wait for

    return Objective.fresh(settings, now)


POLICIES: Mapping[str, Callable[[Scaling, float], Policy]] = {
    "target": Target.fresh,
    "load-thresholds": LoadThresholds.fresh,
    "objective": _objective,
}

_WITH_JOURNAL = frozenset(("objective",))


def fresh_policy(settings: Scaling, now: float) -> Policy:
    """The chosen policy, before its first look."""
    return POLICIES[settings.policy](settings, now)


def needs_journal(settings: Scaling) -> bool:
    """Whether its observations have to hold every request's steps (proxy.core.journal)."""
    return settings.policy in _WITH_JOURNAL

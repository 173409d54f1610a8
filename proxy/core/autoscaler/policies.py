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
# What the objective's memory is made for.
_OBJECTIVE_KEYS = ("replica_concurrency", "wait_seconds", "wait_share", "wait_price")


def fresh_policy(settings: Scaling, now: float) -> Policy:
    """The chosen policy, before its first look."""
    return POLICIES[settings.policy](settings, now)


def followed(policy: Policy, before: Scaling, after: Scaling, now: float) -> Policy:
    """What the policy remembers, as far as it is still true when its settings changed; else a fresh one."""
    if (before.policy, before.metric) != (after.policy, after.metric):
        return fresh_policy(after, now)
    if isinstance(policy, Target | LoadThresholds):
        return policy.follow(after)
    kept = all(getattr(before, key) == getattr(after, key) for key in _OBJECTIVE_KEYS)
    return policy if kept else fresh_policy(after, now)


def needs_journal(settings: Scaling) -> bool:
    """Whether its observations have to hold every request's steps (proxy.core.journal)."""
    return settings.policy in _WITH_JOURNAL

"""The fewest and the most replicas that an app may have now, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from proxy.config import Scaling
from proxy.core.autoscaler.schedule import rule_at


@dataclass(frozen=True, slots=True)
class Override:
    """What an operator set by hand until it is cleared; None leaves that limit to the settings."""

    min_replicas: int | None = None
    max_replicas: int | None = None


NO_OVERRIDE = Override()


@dataclass(frozen=True, slots=True)
class Limits:
    """`why_min` and `why_max` name who set it (" by the schedule"), "" for the settings."""

    min_replicas: int
    max_replicas: int
    why_min: str = ""
    why_max: str = ""

    def confine(self, count: int) -> int:
        return max(self.min_replicas, min(count, self.max_replicas))


def limits_at(settings: Scaling, wall: datetime, override: Override) -> Limits:
    """What holds at a moment (aware): an operator's word before the schedule, the schedule before the settings."""
    limits = Limits(settings.min_replicas, settings.max_replicas)
    if settings.schedule and (rule := rule_at(settings.schedule, wall)):
        limits = _changed(limits, rule.min_replicas, rule.max_replicas, " by the schedule")
    return _changed(limits, override.min_replicas, override.max_replicas, " by hand")


def _changed(limits: Limits, least: int | None, most: int | None, why: str) -> Limits:
    """What is given replaces what was; a limit that it crosses follows it."""
    if least is not None:
        crossed = least > limits.max_replicas
        limits = Limits(least, max(least, limits.max_replicas), why, why if crossed else limits.why_max)
    if most is not None:
        crossed = most < limits.min_replicas
        limits = Limits(min(most, limits.min_replicas), most, why if crossed else limits.why_min, why)
    return limits

"""The fewest and the most replicas that an app may have now, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from proxy.config import Scaling


@dataclass(frozen=True, slots=True)
class Override:
    """What an operator set by hand until it is cleared; None leaves that limit to the settings."""

    min_replicas: int | None = None
    max_replicas: int | None = None


NO_OVERRIDE = Override()


@dataclass(frozen=True, slots=True)
class Limits:
    """`why_min` and `why_max` say in brackets who set it, "" for the settings themselves."""

    min_replicas: int
    max_replicas: int
    why_min: str = ""
    why_max: str = ""


def limits_at(settings: Scaling, wall: datetime, override: Override) -> Limits:
    """What holds at a moment (aware): an operator's word before the schedule, the schedule before the settings."""
    return Limits(settings.min_replicas, settings.max_replicas)

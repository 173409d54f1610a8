"""What is expected of the near future."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forecast:
    """The most that is expected from now until a replica that is started now would be ready.

    `came` is the share of what had been expected of the last minutes that really came, at most 1.
    """

    demand: float  # requests at once
    requests_per_second: float
    ahead_seconds: float
    days: int  # of history behind it
    came: float = 1.0

"""What the autoscaler sees of an app, and what it remembers between two looks."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config import Scaling
from proxy.core.demand import DemandSample
from proxy.core.window import MaxWindow, MeanWindow


@dataclass(frozen=True, slots=True)
class Observation:
    """One look: `sample` covers the time since the look before."""

    sample: DemandSample
    in_flight: int
    queued: int
    replicas: int  # starting, ready or unready: those that count towards the wanted number

    @property
    def demand(self) -> int:
        return self.in_flight + self.queued


@dataclass(frozen=True, slots=True)
class Memory:
    """What `decide` needs of the past."""

    demand: MeanWindow
    wanted: MaxWindow
    busy_at: float  # when there last was demand

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> Memory:
        return cls(
            MeanWindow(settings.evaluation_interval_seconds),
            MaxWindow(settings.cooldown_seconds),
            now,
        )

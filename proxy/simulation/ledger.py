"""What a simulated app cost and how long its requests waited."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from proxy.core.replica import Replica


class Moment(NamedTuple):
    """How things stood at one second."""

    at: float
    demand: int  # in service or waiting
    waiting: int
    ready: int
    replicas: int  # those that cost: starting and draining ones too


class Ledger:
    """Counts from the end of the warm-up on. A request counts when it has its slot, or was refused one."""

    def __init__(self, warm_up_seconds: float) -> None:
        self.warm_up_seconds = warm_up_seconds
        self.waits = array("d")
        self.late_refusals = 0
        self.replica_seconds = 0.0
        self.cold_starts = 0
        self.max_replicas = 0
        self.moments: list[Moment] = []

    def waited(self, arrival: float, seconds: float) -> None:
        if arrival >= self.warm_up_seconds:
            self.waits.append(seconds)

    def refused(self, arrival: float, seconds: float) -> None:
        """No slot for this one: it counts as late, however soon it was told."""
        if arrival >= self.warm_up_seconds:
            self.waits.append(seconds)
            self.late_refusals += 1

    def started(self, now: float, replicas: int) -> None:
        self.cold_starts += now >= self.warm_up_seconds
        self.peak(now, replicas)

    def peak(self, now: float, replicas: int) -> None:
        if now >= self.warm_up_seconds:
            self.max_replicas = max(self.max_replicas, replicas)

    def gone(self, replica: Replica, now: float) -> None:
        self.replica_seconds += max(0.0, now - max(replica.started_at, self.warm_up_seconds))

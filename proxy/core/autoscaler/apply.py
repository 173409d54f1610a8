"""From a number of wanted replicas to starts and drains, the same for live replicas and simulated ones."""

from __future__ import annotations

from typing import Protocol

from proxy.core.autoscaler.victims import victims
from proxy.core.pool import Pool
from proxy.core.replica import Replica


class Fleet(Protocol):
    """Who starts and drains the replicas of one app."""

    def start(self, count: int, now: float) -> None:
        """Add starting replicas to the pool: `count`, or as many as may be started now. 0 is said too."""

    def drain(self, replica: Replica, now: float) -> None: ...

    def recall(self, now: float) -> bool:
        """Take a draining replica back that was not signalled yet; false if there is none."""


def apply(desired: int, pool: Pool, fleet: Fleet, now: float) -> None:
    missing = desired - sum(replica.wanted for replica in pool)
    if missing < 0:
        for replica in victims(pool, -missing):
            fleet.drain(replica, now)
    while missing > 0 and fleet.recall(now):
        missing -= 1
    fleet.start(max(0, missing), now)

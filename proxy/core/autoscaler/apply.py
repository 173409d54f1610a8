"""From a number of wanted replicas to starts and drains, the same for live replicas and simulated ones."""

from __future__ import annotations

from typing import Protocol

from proxy.core.autoscaler.victims import victims
from proxy.core.pool import Pool
from proxy.core.replica import Replica


class Fleet(Protocol):
    """Who starts and drains the replicas of one app."""

    def may_start(self, now: float) -> bool:
        """False in the pause after failures."""

    def start_one(self, now: float) -> None:
        """Add a starting replica to the pool."""

    def drain(self, replica: Replica, now: float) -> None: ...

    def recall(self, now: float) -> bool:
        """Take a draining replica back that was not signalled yet; false if there is none."""


def apply(desired: int, pool: Pool, fleet: Fleet, now: float) -> None:
    may_start = fleet.may_start(now)
    missing = desired - sum(replica.wanted for replica in pool)
    if missing < 0:
        for replica in victims(pool, -missing):
            fleet.drain(replica, now)
    while missing > 0 and fleet.recall(now):
        missing -= 1
    for _ in range(missing if may_start else 0):
        fleet.start_one(now)

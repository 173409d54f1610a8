"""round-robin: continues after the last one that was given a request; full replicas are skipped."""

from __future__ import annotations

from proxy.core.balancers.ranking import Ranking
from proxy.core.replica import Replica


class RoundRobin:
    """Ranks by the round in which a replica's next turn comes; within a round, start order."""

    def __init__(self) -> None:
        self._ranking = Ranking()
        self._round = 0
        self._last = -1  # start order of the last choice

    def join(self, replica: Replica) -> None:
        passed = replica.order <= self._last
        self._ranking.put(replica, self._round + 1 if passed else self._round)

    def leave(self, replica: Replica) -> None:
        self._ranking.drop(replica)

    def update(self, replica: Replica) -> None:
        if replica.order == self._last and self._ranking.key(replica) == self._round:
            self._ranking.put(replica, self._round + 1)

    def choose(self) -> Replica | None:
        replica = self._ranking.first()
        if replica is not None:
            self._round = self._ranking.key(replica)
            self._last = replica.order
        return replica

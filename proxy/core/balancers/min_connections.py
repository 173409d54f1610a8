"""min-connections: fewest in flight, ties in start order."""

from __future__ import annotations

from proxy.core.balancers.ranking import Ranking
from proxy.core.replica import Replica


class MinConnections:
    def __init__(self) -> None:
        self._ranking = Ranking()

    def join(self, replica: Replica) -> None:
        self._ranking.put(replica, replica.in_flight)

    def leave(self, replica: Replica) -> None:
        self._ranking.drop(replica)

    def update(self, replica: Replica) -> None:
        self._ranking.put(replica, replica.in_flight)

    def choose(self) -> Replica | None:
        return self._ranking.first()

"""first-available: the first in start order with a free slot; keeps the later ones idle, so that they can go."""

from __future__ import annotations

from proxy.core.balancers.ranking import Ranking
from proxy.core.replica import Replica


class FirstAvailable:
    def __init__(self) -> None:
        self._ranking = Ranking()

    def join(self, replica: Replica) -> None:
        self._ranking.put(replica, 0)

    def leave(self, replica: Replica) -> None:
        self._ranking.drop(replica)

    def update(self, replica: Replica) -> None:
        """Load makes no difference here."""

    def choose(self) -> Replica | None:
        return self._ranking.first()

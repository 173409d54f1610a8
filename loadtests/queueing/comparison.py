"""One proxy's waits beside the least that the very same requests could have waited."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from statistics import mean

from queueing.optimum import central_queue, percentiles
from queueing.visits import Visit

BLOCK_SECONDS = 5.0
DRAWS = 400
QUEUED_SECONDS = 0.002


class Comparison:
    """What one run's requests waited, what they would have in one line without any loss, and what a hand-over took."""

    def __init__(self, visits: Sequence[Visit], servers: int) -> None:
        self._visits = sorted(visits, key=lambda visit: visit.sent)
        self._servers = servers
        self.waits = [visit.wait for visit in self._visits]
        self.best_waits = self._best(0.0)
        self.seen, self.best = percentiles(self.waits), percentiles(self.best_waits)
        self.handover = _handover(self._visits)

    @property
    def ratio(self) -> float | None:
        """99th percentile as a multiple of the optimum's; None where that is to wait not at all."""
        return self.seen.p99 / self.best.p99 if self.best.p99 else None

    def ratio_with_handover(self) -> float | None:
        """The same, had each request of the optimum kept its replica for the time of a hand-over more."""
        best = percentiles(self._best(self.handover)).p99
        return self.seen.p99 / best if best else None

    def interval(self, seed: int = 1) -> tuple[float, float]:
        """Of the ratio, 90 %: blocks of the run drawn again and again, the same ones of both (block bootstrap)."""
        blocks: dict[int, list[int]] = {}
        for number, visit in enumerate(self._visits):
            blocks.setdefault(int(visit.sent // BLOCK_SECONDS), []).append(number)
        random, pieces = Random(seed), list(blocks.values())
        ratios = []
        for _ in range(DRAWS):
            drawn = [number for block in random.choices(pieces, k=len(pieces)) for number in block]
            best = percentiles([self.best_waits[number] for number in drawn]).p99
            ratios.append(percentiles([self.waits[number] for number in drawn]).p99 / best if best else 1.0)
        ratios.sort()
        return ratios[DRAWS // 20], ratios[-DRAWS // 20 - 1]

    def _best(self, more: float) -> list[float]:
        sent = [visit.sent for visit in self._visits]
        return central_queue(sent, [visit.took + more for visit in self._visits], self._servers)


def _handover(visits: Sequence[Visit]) -> float:
    """Mean seconds that a replica idled between two requests while the second waited already."""
    by_replica: dict[str, list[Visit]] = {}
    for visit in sorted(visits, key=lambda visit: visit.began):
        by_replica.setdefault(visit.replica, []).append(visit)
    gaps = []
    for line in by_replica.values():
        for before, after in pairwise(line):
            ended = before.began + before.took
            if after.sent < ended - QUEUED_SECONDS:
                gaps.append(after.began - ended)
    return mean(gaps) if gaps else 0.0

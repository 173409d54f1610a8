"""One proxy's waits beside the least that the very same requests could have waited."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from statistics import mean

from openloop.result import Sample

from queueing.optimum import central_queue, percentiles

BLOCK_SECONDS = 5.0
DRAWS = 400
QUEUED_SECONDS = 0.002


class Comparison:
    """What one run's requests waited, what they would have in one line without any loss, and what a hand-over took."""

    def __init__(self, samples: Sequence[Sample], servers: int) -> None:
        self._served = sorted((sample for sample in samples if sample.answered), key=_sent)
        self._servers = servers
        self.waits = [sample.began - _sent(sample) for sample in self._served]
        self.best_waits = self._best(0.0)
        self.seen, self.best = percentiles(self.waits), percentiles(self.best_waits)
        self.handover = _handover(self._served)

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
        for number, sample in enumerate(self._served):
            blocks.setdefault(int(sample.due // BLOCK_SECONDS), []).append(number)
        random, pieces = Random(seed), list(blocks.values())
        ratios = []
        for _ in range(DRAWS):
            drawn = [number for block in random.choices(pieces, k=len(pieces)) for number in block]
            best = percentiles([self.best_waits[number] for number in drawn]).p99
            ratios.append(percentiles([self.waits[number] for number in drawn]).p99 / best if best else 1.0)
        ratios.sort()
        return ratios[DRAWS // 20], ratios[-DRAWS // 20 - 1]

    def _best(self, more: float) -> list[float]:
        return central_queue(((_sent(sample), sample.took + more) for sample in self._served), self._servers)


def _sent(sample: Sample) -> float:
    return sample.due + sample.lag


def _handover(served: Sequence[Sample]) -> float:
    """Mean seconds that a replica idled between two requests while the second waited already."""
    by_replica: dict[str, list[Sample]] = {}
    for sample in sorted(served, key=lambda sample: sample.began):
        by_replica.setdefault(sample.replica, []).append(sample)
    gaps = []
    for line in by_replica.values():
        for before, after in pairwise(line):
            ended = before.began + before.took
            if _sent(after) < ended - QUEUED_SECONDS:
                gaps.append(after.began - ended)
    return mean(gaps) if gaps else 0.0

"""What one choice costs: reserve and release through the pool, for every balancer, with 10 and with 10,000 replicas.

Half of the slots are taken; each step takes one more and gives back one chosen at random. The rounds of all cases are
interleaved and medians count (of the ratio too), so that a busy machine disturbs all alike. Exits with 1 if 10,000
replicas cost more than twice as much as 10.
"""

from __future__ import annotations

import gc
import sys
from random import Random
from statistics import median
from time import perf_counter_ns

from proxy.core.balancers.base import Balancer
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.balancers.min_connections import MinConnections
from proxy.core.balancers.random_choice import RandomChoice2
from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, Reservation

BALANCERS: dict[str, type[Balancer]] = {
    "round-robin": RoundRobin,
    "first-available": FirstAvailable,
    "min-connections": MinConnections,
    "random-choice-2": RandomChoice2,
}
CONCURRENCIES = (4, 1)
FEW, MANY = 10, 10_000
ROUNDS, STEPS = 21, 10_000
LIMIT = 2.0


class Case:
    """A pool with half of its slots taken at random."""

    def __init__(self, balancer: Balancer, replicas: int, concurrency: int) -> None:
        self.rounds: list[float] = []  # nanoseconds for a slot taken and one given back
        self._random = Random(replicas)
        self._pool = Pool(balancer, 0, 0.0)
        for order in range(replicas):
            replica = Replica(order, str(order), concurrency, 0.0)
            self._pool.add(replica)
            self._pool.apply(replica, Event.PASSED, 0.0)
        self._held = [self._reserve() for _ in range(replicas * concurrency)]
        self._random.shuffle(self._held)
        for _ in range(len(self._held) // 2):
            self._pool.release(self._held.pop(), 0.0)

    def _reserve(self) -> Reservation:
        reservation = self._pool.reserve(0.0)
        assert reservation is not None
        return reservation

    def run(self) -> None:
        held, reserve, release = self._held, self._reserve, self._pool.release
        places = self._random.choices(range(len(held)), k=STEPS)
        started = perf_counter_ns()
        for place in places:
            taken = reserve()
            release(held[place], 0.0)
            held[place] = taken
        self.rounds.append((perf_counter_ns() - started) / STEPS)


def main() -> int:
    rows = [(name, concurrency) for name in BALANCERS for concurrency in CONCURRENCIES]
    cases = [[Case(BALANCERS[name](), replicas, concurrency) for replicas in (FEW, MANY)] for name, concurrency in rows]
    gc.disable()
    for _ in range(ROUNDS):
        for few, many in cases:
            few.run()
            many.run()
    print(f"| balancer | replica_concurrency | {FEW} replicas | {MANY:,} replicas | ratio |")
    print("| --- | --- | --- | --- | --- |")
    worst = 0.0
    for (name, concurrency), (few, many) in zip(rows, cases, strict=True):
        ratio = median(big / small for small, big in zip(few.rounds, many.rounds, strict=True))
        worst = max(worst, ratio)
        print(f"| {name} | {concurrency} | {median(few.rounds):.0f} ns | {median(many.rounds):.0f} ns | {ratio:.2f} |")
    if worst > LIMIT:
        print(f"{MANY:,} replicas may cost {LIMIT:g} times as much as {FEW}, not {worst:.2f} times", file=sys.stderr)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

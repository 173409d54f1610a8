"""A balancer against what one would write who does not mind looking at every replica."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random

from proxy.core.balancers.base import Balancer
from proxy.core.replica import Event, Replica, Reservation, State
from tests.core.fakes import pool_of

STEPS = 20_000
Right = Callable[[Sequence[Replica], int], Collection[Replica]]


class Walk:
    """Requests and replicas that come and go at random; before every choice `right` says which ones are right.

    It is given the replicas with a free slot, in start order, and the start order of the last choice.
    """

    def __init__(self, balancer: Balancer, right: Right, seed: int) -> None:
        self.choices = 0
        self._random = Random(seed)
        self._right = right
        self._pool = pool_of(balancer=balancer)
        self._held: list[Reservation] = []
        self._orders = 0
        self._last = -1

    def run(self) -> None:
        steps = [self._reserve, self._release, self._steer, self._start]
        weights = [[60, 36, 3, 1], [36, 60, 3, 1]]
        for step in range(STEPS):
            busy = step // 500 % 2  # rising and falling load, so that all are full, and all free, at times
            self._random.choices(steps, weights[busy])[0]()

    def _reserve(self) -> None:
        free = [replica for replica in self._pool if replica.available]
        right = self._right(free, self._last) if free else ()
        reservation = self._pool.reserve(0.0)
        assert (reservation is None) == (not free)
        if reservation is not None:
            assert reservation.replica in right
            self._last = reservation.replica.order
            self._held.append(reservation)
            self.choices += 1

    def _release(self) -> None:
        if self._held:
            place = self._random.randrange(len(self._held))
            self._held[place], self._held[-1] = self._held[-1], self._held[place]
            self._pool.release(self._held.pop(), 0.0)

    def _steer(self) -> None:
        if not len(self._pool):
            return
        replica = self._random.choice(list(self._pool))
        ways = [Event.PASSED, Event.MISSED, Event.EXIT] if len(self._pool) > 6 else [Event.PASSED, Event.MISSED]
        self._pool.apply(replica, self._random.choice([*ways, Event.PASSED]), 0.0)
        if replica.state is State.FAILED:
            self._pool.remove(replica)

    def _start(self) -> None:
        if len(self._pool) < 12:
            replica = Replica(self._orders, f"r{self._orders}", self._random.choice([1, 1, 2, 4]), 0.0)
            self._orders += 1
            self._pool.add(replica)
            self._pool.apply(replica, Event.PASSED, 0.0)


def check_against(right: Right, make: Callable[[], Balancer]) -> None:
    for seed in range(2):
        walk = Walk(make(), right, seed)
        walk.run()
        assert walk.choices > STEPS / 4

"""Replicas that only exist in virtual time."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proxy.core.autoscaler.estimates import ColdStarts
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, State
from proxy.simulation.clock import Clock
from proxy.simulation.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Starts:
    """Replicas of so many slots, ready after so many seconds; whether a draining one may be taken back."""

    limit: int
    seconds: float
    recalls: bool


class SimulatedFleet:
    """Every start takes equally long; a replica costs from its start until it is gone.

    A starting one that is drained is gone at once, a ready one when its last request has ended.
    """

    def __init__(self, pool: Pool, starts: Starts, clock: Clock, ledger: Ledger) -> None:
        self.cold_starts = ColdStarts()
        self.changed: Callable[[], None] = lambda: None
        self._pool = pool
        self._starts = starts
        self._clock = clock
        self._ledger = ledger
        self._orders = itertools.count()
        self._draining: deque[Replica] = deque()

    def start(self, count: int, now: float) -> None:
        for _ in range(count):
            order = next(self._orders)
            replica = Replica(order, str(order), self._starts.limit, now)
            self._pool.add(replica)
            self._clock.at(now + self._starts.seconds, partial(self._ready, replica))
            self._ledger.started(now, len(self._pool))

    def inherit(self, count: int) -> None:
        """Replicas that were started before the run, and have taken as long as all to get ready."""
        for _ in range(count):
            order = next(self._orders)
            replica = Replica(order, str(order), self._starts.limit, 0.0)
            replica.inherited = True
            self._pool.add(replica)
            self._pool.apply(replica, Event.PASSED, 0.0)
        if count:
            self.cold_starts.add({"start": self._starts.seconds})

    def drain(self, replica: Replica, now: float) -> None:
        starting = replica.state is State.STARTING
        self._pool.apply(replica, Event.DRAIN, now)
        if starting:
            self._gone(replica)
        else:
            self._draining.append(replica)
            replica.when_idle(partial(self._gone, replica))

    def recall(self, now: float) -> bool:
        if not self._draining or not self._starts.recalls:
            return False
        replica = self._draining.popleft()
        replica.when_idle(None)
        self._pool.apply(replica, Event.RECALL, now)
        self._pool.apply(replica, Event.PASSED, now)
        return True

    def end(self, now: float) -> None:
        """The run is over: count what still runs."""
        for replica in self._pool:
            self._ledger.gone(replica, now)

    def _ready(self, replica: Replica, now: float) -> None:
        if replica.state is State.STARTING:
            self.cold_starts.add({"start": self._starts.seconds})
            self._pool.apply(replica, Event.PASSED, now)
            self.changed()

    def _gone(self, replica: Replica) -> None:
        now = self._clock.now
        if replica in self._draining:
            self._draining.remove(replica)
        self._pool.apply(replica, Event.EXIT, now)
        self._pool.remove(replica)
        self._ledger.gone(replica, now)

"""A pool under everything that can happen to it, in any order, against books that are kept apart from its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from proxy.core.balancers.base import Balancer
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.balancers.min_connections import MinConnections
from proxy.core.balancers.random_choice import RandomChoice2
from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, Reservation, State
from proxy.errors import AnswerError, NoReplica, QueueFull

STEPS = 100_000
LINE = 8
REPLICAS = 6
PROBES = [*[Event.PASSED] * 8, Event.MISSED, Event.REFUSED]
ENDS = [Event.DRAIN, Event.CONDEMN, Event.EXIT]


class Request:
    """Drives the pool as an exchange does; `whim` is what it does in the moment it gets its first slot."""

    def __init__(self, walk: Walk, whim: Callable[[Request], None] | None) -> None:
        self.slot: Reservation | None = None
        self._walk = walk
        self._whim = whim

    def granted(self, reservation: Reservation, now: float) -> None:
        assert self._walk.line.pop(0) is self, "first in, first out"
        self._walk.seen["granted in line"] += 1
        self.take(reservation)

    def refused(self, error: AnswerError) -> None:
        assert self._walk.line.pop(0) is self
        self._walk.seen["refused in line"] += 1

    def take(self, slot: Reservation) -> None:
        walk, replica = self._walk, slot.replica
        assert self.slot is None
        assert replica.state is State.READY
        walk.held[replica] += 1
        assert walk.held[replica] <= replica.limit
        self.slot = slot
        walk.running.append(self)
        whim, self._whim = self._whim, None
        if whim is not None:
            whim(self)


class Walk:
    """`held`, `line` and `running` are the books kept apart: slots by replica, who waits, who has a slot."""

    def __init__(self, balancer: Balancer) -> None:
        self.pool = Pool(balancer, LINE, 0.0)
        self.held: Counter[Replica] = Counter()
        self.line: list[Request] = []
        self.running: list[Request] = []
        self.seen: Counter[str] = Counter()
        self._random = Random(1)
        self._now = 0.0
        self._orders = 0
        self._refusing = False

    def run(self) -> None:
        steps = {
            self._arrive: 400,
            self._complete: 400,
            self._cancel_in_line: 30,
            self._fail_to_connect: 30,
            self._probe: 200,
            self._start: 40,
            self._end: 20,
            self._recall: 10,
            self._forget: 60,
            self._refuse: 5,
            self._allow: 40,
        }
        for step in self._random.choices(list(steps), list(steps.values()), k=STEPS):
            self._now += 0.01
            step()
            self.check()

    # What clients do

    def _arrive(self) -> None:
        whims = [None] * 6 + [self.give_back, self.retry, lambda _: self._arrive()]
        request = Request(self, self._random.choice(whims))
        slot = self.pool.reserve(self._now)
        if slot is not None:
            assert not self.line, "nobody overtakes"
            self.seen["granted at once"] += 1
            request.take(slot)
            return
        try:
            self.pool.wait(request, self._now)
        except QueueFull:
            assert len(self.line) >= LINE
            self.seen["queue full"] += 1
        except NoReplica:
            assert self._refusing
            self.seen["refused at the door"] += 1
        else:
            self.line.append(request)

    def _complete(self) -> None:
        if self.running:
            self.give_back(self._random.choice(self.running))

    def _cancel_in_line(self) -> None:
        if self.line:
            request = self.line.pop(self._random.randrange(len(self.line)))
            assert self.pool.leave(request, self._now)
            self.seen["left the line"] += 1

    def _fail_to_connect(self) -> None:
        if self.running:
            self.retry(self._random.choice(self.running))

    def give_back(self, request: Request) -> None:
        self.pool.release(self._without_slot(request), self._now)

    def retry(self, request: Request) -> None:
        slot = self._without_slot(request)
        if self._random.random() < 0.8:
            self.pool.apply(slot.replica, Event.REFUSED, self._now)
        try:
            other = self.pool.retry(request, slot, self._now)
        except NoReplica:
            assert self._refusing
            self.seen["refused a retry"] += 1
            return
        if other is None:
            self.line.insert(0, request)
            self.seen["retried first in line"] += 1
        else:
            self.seen["retried at once"] += 1
            request.take(other)

    def _without_slot(self, request: Request) -> Reservation:
        slot, request.slot = request.slot, None
        assert slot is not None
        self.running.remove(request)
        self.held[slot.replica] -= 1
        return slot

    # What replicas do

    def _replica(self) -> Replica | None:
        return self._random.choice(list(self.pool)) if len(self.pool) else None

    def _start(self) -> None:
        if len(self.pool) < REPLICAS:
            replica = Replica(self._orders, f"r{self._orders}", self._random.randrange(1, 4), self._now)
            self._orders += 1
            self.held[replica] = 0
            self.pool.add(replica)

    def _probe(self) -> None:
        self._apply(self._random.choice(PROBES))

    def _end(self) -> None:
        self._apply(self._random.choice(ENDS))

    def _recall(self) -> None:
        self._apply(Event.RECALL)

    def _apply(self, event: Event) -> None:
        replica = self._replica()
        if replica is not None and self.pool.apply(replica, event, self._now):
            self.seen[event.name] += 1

    def _forget(self) -> None:
        for replica in [replica for replica in self.pool if replica.gone]:
            self.seen["gone with requests"] += self.held[replica] > 0
            self.pool.remove(replica)

    def _refuse(self) -> None:
        self._refusing = True
        self.pool.refuse(lambda: NoReplica("cannot be started"), self._now)

    def _allow(self) -> None:
        self._refusing = False
        self.pool.refuse(None, self._now)

    # What must hold

    def check(self) -> None:
        running, line = len(self.running), len(self.line)
        held = free = 0
        for replica, count in self.held.items():
            assert replica.in_flight == count <= replica.limit
            held += count
            free += replica.state is State.READY and count < replica.limit
        assert held == running == self.pool.in_flight
        assert running + line == self.pool.demand.present
        assert not (line and free), "somebody waits beside a free slot"
        assert list(self.pool.queue) == self.line
        if len(self.held) > 3 * REPLICAS:
            self.held = Counter({replica: n for replica, n in self.held.items() if n or not replica.gone})

    def finish(self) -> None:
        self._allow()
        while self.running or self.line:
            self._start()
            for replica in self.pool:
                self.pool.apply(replica, Event.PASSED, self._now)
            for request in list(self.running):
                self.give_back(request)
            self._forget()
            self.check()


@pytest.mark.parametrize("make", [RoundRobin, FirstAvailable, MinConnections, RandomChoice2])
def test_no_slot_is_lost_or_given_twice_and_nobody_waits_beside_a_free_one(make: Callable[[], Balancer]) -> None:
    walk = Walk(make())
    walk.run()
    walk.finish()
    assert not any(walk.held.values())
    assert (walk.pool.in_flight, walk.pool.demand.present, len(walk.pool.queue)) == (0, 0, 0)
    ready = sum(replica.limit for replica in walk.pool if replica.routable)
    assert sum(walk.pool.reserve(0.0) is not None for _ in range(100)) == ready
    rarest, times = walk.seen.most_common()[-1]
    assert (len(walk.seen), times >= 50) == (17, True), f"the walk has hardly seen: {rarest}"

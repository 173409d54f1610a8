"""A trace through one app's settings: the same queue, limits, balancer and decisions as live, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.config import Scaling
from proxy.core.autoscaler.policies import needs_journal
from proxy.core.autoscaler.policy import Policy
from proxy.core.balancers.base import Balancer
from proxy.core.journal import JournaledPool
from proxy.core.pool import Pool
from proxy.core.replica import Reservation
from proxy.errors import AnswerError, QueueFull
from proxy.simulation.clock import Clock
from proxy.simulation.fleet import SimulatedFleet, Starts
from proxy.simulation.ledger import Ledger, Moment
from proxy.simulation.outcome import Outcome
from proxy.simulation.steering import TICK_SECONDS, Steered, Steering
from proxy.simulation.trace import Call, busiest

# A run with a warm-up begins in mid-operation: with the replicas that so many seconds of the trace need.
BEGUN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One setting to try, called `name` in tables; `policy` stands in for the settings' own, for baselines."""

    name: str
    policy_name: str
    scaling: Scaling
    make_balancer: Callable[[], Balancer]
    queue_length: int
    queue_seconds: float
    recalls: bool = True  # whether draining replicas may be taken back
    policy: Policy | None = None
    first_look_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for every setting that is compared, in seconds."""

    cold_start: float = 10.0
    warm_up: float = 0.0


def replay(calls: Sequence[Call], plan: Plan, conditions: Conditions) -> Outcome:
    """Run until the last arrival; those who wait then have waited until then."""
    run = _Run(plan, conditions)
    if conditions.warm_up:
        run.begin_busy(busiest(calls, BEGUN_SECONDS))
    for call in calls:
        run.clock.run_until(call.arrival)
        _Request(call, run).arrive()
    end = calls[-1].arrival
    run.finish(end)
    return Outcome.of(plan.name, plan.policy_name, run.ledger, plan.scaling.wait_seconds)


class _Run:
    def __init__(self, plan: Plan, conditions: Conditions) -> None:
        self.clock = Clock()
        self.ledger = Ledger(conditions.warm_up)
        make_pool = JournaledPool if needs_journal(plan.scaling) else Pool
        self.pool = make_pool(plan.make_balancer(), plan.queue_length, 0.0)
        self.patience = plan.queue_seconds
        limit = plan.scaling.replica_concurrency
        starts = Starts(limit, conditions.cold_start, plan.recalls)
        self._fleet = SimulatedFleet(self.pool, starts, self.clock, self.ledger)
        self._steering = Steering(plan.scaling, Steered(self.pool, self._fleet, self.clock), plan.policy)
        self._scaling = plan.scaling
        self.clock.at(plan.first_look_seconds, self._tick)

    def begin_busy(self, demand: int) -> None:
        """As an app that has been running: with ready replicas for such a demand, within its limits."""
        needed = -(-demand // self._scaling.replica_concurrency)
        self._fleet.inherit(max(self._scaling.min_replicas, min(needed, self._scaling.max_replicas)))

    def _tick(self, now: float) -> None:
        self._steering.tick(now)
        self.clock.at(now + TICK_SECONDS, self._tick)
        pool = self.pool
        ready = sum(replica.routable for replica in pool)
        self.ledger.peak(now, len(pool))
        self.ledger.moments.append(Moment(now, pool.demand.present, len(pool.queue), ready, len(pool)))

    def finish(self, now: float) -> None:
        self.clock.run_until(now)
        self._fleet.end(now)
        for joined_at in self.pool.queue.line.values():
            self.ledger.waited(joined_at, now - joined_at)


class _Request:
    """One call of the trace on its way."""

    __slots__ = ("_call", "_reservation", "_run")

    def __init__(self, call: Call, run: _Run) -> None:
        self._call = call
        self._run = run
        self._reservation: Reservation | None = None

    def arrive(self) -> None:
        now, pool = self._call.arrival, self._run.pool
        reservation = pool.reserve(now)
        if reservation is not None:
            self.granted(reservation, now)
            return
        try:
            pool.wait(self, now)
        except QueueFull:
            self._run.ledger.refused(now, 0.0)
        else:
            self._run.clock.at(now + self._run.patience, self._give_up)

    def granted(self, reservation: Reservation, now: float) -> None:
        self._reservation = reservation
        self._run.ledger.waited(self._call.arrival, now - self._call.arrival)
        self._run.clock.at(now + self._call.service, self._end)

    def refused(self, error: AnswerError) -> None:
        """Nothing refuses those who wait here: simulated starts do not fail."""

    def _give_up(self, now: float) -> None:
        if self._run.pool.leave(self, now):
            self._run.ledger.refused(self._call.arrival, now - self._call.arrival)

    def _end(self, now: float) -> None:
        if self._reservation is not None:
            self._run.pool.release(self._reservation, now)

"""What the autoscaler sees of an app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.limits import NO_OVERRIDE, Override
from proxy.core.demand import DemandSample
from proxy.core.journal import Entry, JournaledPool
from proxy.core.pool import Pool
from proxy.core.replica import State

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Observation:
    """One look: `sample` and `journal` cover the time since the look before.

    None is what is not known (yet).
    """

    sample: DemandSample
    in_flight: int
    queued: int
    replicas: int  # starting, ready or unready: those that count towards the wanted number
    ready: int = 0
    starting: int = 0
    draining: int = 0
    inherited: int = 0  # of `replicas`, those that ran before this proxy did
    oldest_wait_seconds: float = 0.0
    service_seconds: float | None = None  # how long a request holds its slot, the mean of the last ones
    journal: tuple[Entry, ...] = ()  # every request's steps; empty unless the policy asks for them
    # What the pool does not know:
    wall: datetime = _NEVER  # aware; what schedules and histories go by
    cold_start: ColdStart | None = None
    cpu_ratio: float | None = None  # mean over the ready replicas, of hardware.cpu
    memory_ratio: float | None = None  # the same, of hardware.memory
    forecast: Forecast | None = None  # only where predictive is set
    override: Override = NO_OVERRIDE

    @property
    def demand(self) -> int:
        return self.in_flight + self.queued

    @property
    def busy(self) -> bool:
        """There is a request, or there was one since the look before."""
        return self.demand > 0 or self.sample.arrivals > 0 or self.sample.mean > 0

    @property
    def arrival_rate(self) -> float | None:
        """Requests per second; None where no time has passed."""
        return self.sample.arrivals / self.sample.seconds if self.sample.seconds > 0 else None


def observe(pool: Pool, now: float, wall: datetime = _NEVER, cold_start: ColdStart | None = None) -> Observation:
    """What the pool knows; the caller adds the rest, with dataclasses.replace what seldom changes."""
    states = [replica.state for replica in pool]
    ready, starting = states.count(State.READY), states.count(State.STARTING)
    return Observation(
        sample=pool.demand.sample(now),
        in_flight=pool.in_flight,
        queued=len(pool.queue),
        replicas=ready + starting + states.count(State.UNREADY),
        ready=ready,
        starting=starting,
        draining=states.count(State.DRAINING),
        inherited=sum(replica.inherited and replica.wanted for replica in pool),
        oldest_wait_seconds=pool.queue.oldest_wait_seconds(now),
        service_seconds=pool.service_seconds or None,
        journal=pool.take_entries() if isinstance(pool, JournaledPool) else (),
        wall=wall,
        cold_start=cold_start,
    )

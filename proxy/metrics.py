"""Counters that cost an addition per request, and their Prometheus form, built when it is asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.core.autoscaler.estimates import ColdStarts
from proxy.core.failure import FAILURES_KEPT, LINES_KEPT, Failure
from proxy.core.pool import Pool
from proxy.core.replica import Replica, State

# From a cached answer (5 ms) to the default response_grace_period (15 min).
SMALLEST: Final = 0.005
SECONDS_BUCKETS = (
    SMALLEST,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    900.0,
)


# Of a cold start: making the replica, starting it, until it answers anything at all, until it says that it is ready.
PHASES = ("create", "start", "load", "ready")


class Histogram:
    """Observations by bucket; the last bucket is everything above the largest bound."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(SECONDS_BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[0 if seconds <= SMALLEST else bisect_left(SECONDS_BUCKETS, seconds)] += 1
        self._sum += seconds

    @property
    def sum(self) -> float:
        return self._sum

    @property
    def counts(self) -> tuple[int, ...]:
        """Observations so far, by bucket."""
        return tuple(self._counts)

    def cumulative(self) -> list[tuple[str, float]]:
        """Bounds and running totals, as Prometheus writes them."""
        bounds = [*(str(bound) for bound in SECONDS_BUCKETS), "+Inf"]
        total, rows = 0, []
        for bound, count in zip(bounds, self._counts, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows


@dataclass(frozen=True, slots=True)
class Usage:
    """What a replica's processes use: `cpu_ratio` of hardware.cpu, `memory_bytes` resident."""

    cpu_ratio: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """What a replica's processes use of GPUs: `ratio` is the mean load of those that they are on."""

    ratio: float
    memory_bytes: int


class AppMetrics:
    """What is counted of one app; what can be read from its pool is not counted again."""

    def __init__(self, name: str, pool: Pool) -> None:
        self.name = name
        self.pool = pool
        self.requests: dict[int, int] = {}  # by status
        self.request_seconds = Histogram()
        self.queue_seconds = Histogram()
        self.cold_starts = 0
        self.cold_start = ColdStarts()  # what the autoscaler reckons with
        self.cold_start_seconds: dict[str, Histogram] = {phase: Histogram() for phase in PHASES}
        self.exits: Counter[str] = Counter()
        self.failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)
        self.failed_replicas = 0
        self.desired = 0
        self.decisions: Counter[str] = Counter()  # by the clamp that won
        self.usage: dict[str, Usage] = {}
        self.gpu_usage: dict[str, GpuUsage] = {}  # empty where there are none

    def waited(self, seconds: float) -> None:
        """A request got its slot."""
        self.queue_seconds.observe(seconds)

    def finished(self, status: int, seconds: float) -> None:
        """A request is over for its client."""
        self.requests[status] = self.requests.get(status, 0) + 1
        self.request_seconds.observe(seconds)

    def became_ready(self, phases: dict[str, float]) -> None:
        """A cold start is over; seconds by phase."""
        self.cold_starts += 1
        self.cold_start.add(phases)
        for phase, seconds in phases.items():
            self.cold_start_seconds[phase].observe(seconds)

    def decided(self, desired: int, clamp: str) -> None:
        """A scaling decision; `clamp` had the last word, "" is none."""
        self.desired = desired
        self.decisions[clamp or "none"] += 1

    def exited(self, reason: str) -> None:
        self.exits[reason] += 1

    def failed(self, replica: Replica, kind: str, reason: str, lines: Sequence[str]) -> None:
        """A replica ended, or was given up, that should have gone on; `lines` is what it printed last."""
        self.exited(kind)
        self.failed_replicas += 1
        self.failures.append(
            Failure(
                at=datetime.now(UTC),
                replica=replica.id,
                kind=kind,
                reason=reason,
                last_probe=replica.last_probe,
                last_lines=tuple(lines[-LINES_KEPT:]),
                was_ready=replica.ready_at is not None,
            )
        )


class TidegateCollector(Collector):
    """Reads all apps when scraped; `tasks` says how many asyncio tasks there are."""

    def __init__(self, apps: Collection[AppMetrics], tasks: Callable[[], int] = lambda: 0) -> None:
        self._apps = apps  # those that it holds at the time
        self._tasks = tasks

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("tidegate_tasks", "asyncio tasks of the proxy.", value=self._tasks())
        yield from self._requests()
        yield from self._replicas()
        yield from self._gpus()
        yield from self._starts()

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "tidegate_requests", "Requests by the status they were answered with.", labels=("app", "status")
        )
        seconds = HistogramMetricFamily(
            "tidegate_request_seconds", "Seconds from a request to the last byte of its answer.", labels=("app",)
        )
        queue = HistogramMetricFamily(
            "tidegate_queue_seconds", "Seconds that requests waited for a slot.", labels=("app",)
        )
        in_flight = GaugeMetricFamily("tidegate_requests_in_flight", "Requests that hold a slot now.", labels=("app",))
        length = GaugeMetricFamily("tidegate_queue_length", "Requests that wait for a slot now.", labels=("app",))
        for app in self._apps:
            for status, count in sorted(app.requests.items()):
                requests.add_metric((app.name, str(status)), count)
            seconds.add_metric((app.name,), app.request_seconds.cumulative(), app.request_seconds.sum)
            queue.add_metric((app.name,), app.queue_seconds.cumulative(), app.queue_seconds.sum)
            in_flight.add_metric((app.name,), app.pool.in_flight)
            length.add_metric((app.name,), len(app.pool.queue))
        yield from (requests, seconds, queue, in_flight, length)

    def _replicas(self) -> Iterator[Metric]:
        labels = ("app", "replica")
        states = GaugeMetricFamily("tidegate_replicas", "Replicas by state.", labels=("app", "state"))
        desired = GaugeMetricFamily("tidegate_desired_replicas", "Replicas that the autoscaler wants.", labels=("app",))
        decisions = CounterMetricFamily(
            "tidegate_decisions", "Scaling decisions by what had the last word.", labels=("app", "clamp")
        )
        in_flight = GaugeMetricFamily("tidegate_replica_in_flight", "Slots taken at a replica.", labels=labels)
        cpu = GaugeMetricFamily(
            "tidegate_replica_cpu_ratio", "Share of hardware.cpu that a replica uses.", labels=labels
        )
        memory = GaugeMetricFamily(
            "tidegate_replica_memory_bytes", "Resident memory of a replica, in bytes.", labels=labels
        )
        for app in self._apps:
            counts = Counter(replica.state for replica in app.pool)
            for state in State:
                states.add_metric((app.name, state.value), counts[state])
            desired.add_metric((app.name,), app.desired)
            for clamp, count in sorted(app.decisions.items()):
                decisions.add_metric((app.name, clamp), count)
            for replica in app.pool:
                in_flight.add_metric((app.name, replica.id), replica.in_flight)
            for replica_id, usage in app.usage.items():
                cpu.add_metric((app.name, replica_id), usage.cpu_ratio)
                memory.add_metric((app.name, replica_id), usage.memory_bytes)
        yield from (states, desired, decisions, in_flight, cpu, memory)

    def _gpus(self) -> Iterator[Metric]:
        labels = ("app", "replica")
        load = GaugeMetricFamily("tidegate_replica_gpu_ratio", "Load of the GPUs that a replica is on.", labels=labels)
        memory = GaugeMetricFamily(
            "tidegate_replica_gpu_memory_bytes", "Memory of GPUs that a replica holds, in bytes.", labels=labels
        )
        for app in self._apps:
            for replica_id, usage in app.gpu_usage.items():
                load.add_metric((app.name, replica_id), usage.ratio)
                memory.add_metric((app.name, replica_id), usage.memory_bytes)
        yield from (load, memory)

    def _starts(self) -> Iterator[Metric]:
        starts = CounterMetricFamily("tidegate_cold_starts", "Replicas that became ready.", labels=("app",))
        seconds = HistogramMetricFamily(
            "tidegate_cold_start_seconds", "Seconds of cold starts by phase.", labels=("app", "phase")
        )
        exits = CounterMetricFamily(
            "tidegate_replica_exits", "Replicas that ended, by reason.", labels=("app", "reason")
        )
        for app in self._apps:
            starts.add_metric((app.name,), app.cold_starts)
            for phase, histogram in app.cold_start_seconds.items():
                seconds.add_metric((app.name, phase), histogram.cumulative(), histogram.sum)
            for reason, count in sorted(app.exits.items()):
                exits.add_metric((app.name, reason), count)
        yield from (starts, seconds, exits)


def render(collector: TidegateCollector) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)

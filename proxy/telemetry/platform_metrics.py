"""Metrics under the names that Cerebrium exports, read when they are asked for.

Source: https://docs.cerebrium.ai/cerebrium/integrations/metrics-export
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource

from proxy.config import AppConfig
from proxy.metrics import SECONDS_BUCKETS, AppMetrics, Histogram
from proxy.net.passage import Passage
from proxy.runs.door import REPLICA as DOOR
from proxy.telemetry.spans import SCOPE
from proxy.wire.request import Request

_MILLISECONDS = tuple(bound * 1000 for bound in SECONDS_BUCKETS)
_SINCE_START = AggregationTemporality.CUMULATIVE
_SUCCESS_BELOW = 400


@dataclass(frozen=True, slots=True)
class Exported:
    """One app: what is counted of it anyway, and the two histograms that only this export has."""

    config: AppConfig
    metrics: AppMetrics
    execution_seconds: Histogram
    cold_start_seconds: Histogram

    @property
    def labels(self) -> dict[str, str]:
        """PROJECT_ID is "local" for replicas, too (configuration)."""
        name = self.config.name
        region = self.config.hardware.region or "local"
        return {"project_id": "local", "app_id": f"local-{name}", "app_name": name, "region": region}

    @property
    def cores(self) -> float:
        return sum(usage.cpu_ratio for usage in self.metrics.usage.values()) * self.config.hardware.cpu

    @property
    def memory_bytes(self) -> int:
        return sum(usage.memory_bytes for usage in self.metrics.usage.values())

    @property
    def gpu_memory_bytes(self) -> int:
        return sum(usage.memory_bytes for usage in self.metrics.gpu_usage.values())

    @property
    def gpu_percent(self) -> float:
        used = [usage.ratio for usage in self.metrics.gpu_usage.values()]
        return 100 * fmean(used) if used else 0.0

    @property
    def running(self) -> int:
        return sum(not replica.gone for replica in self.metrics.pool)

    @property
    def ready(self) -> int:
        return sum(replica.routable for replica in self.metrics.pool)

    def runs(self, low: int, high: int) -> int:
        """Requests with a status from `low` to below `high`."""
        return sum(count for status, count in self.metrics.requests.items() if low <= status < high)


# Name, unit, meaning, value.
_GAUGES: Sequence[tuple[str, str, str, Callable[[Exported], float]]] = (
    ("cerebrium_cpu_utilization_cores", "cores", "CPU cores that an app's replicas use.", lambda app: app.cores),
    ("cerebrium_memory_usage_bytes", "bytes", "Memory that an app's replicas use.", lambda app: app.memory_bytes),
    ("cerebrium_gpu_memory_usage_bytes", "bytes", "GPU memory in use.", lambda app: app.gpu_memory_bytes),
    ("cerebrium_gpu_compute_utilization_percent", "percent", "Load of the GPUs in use.", lambda app: app.gpu_percent),
    ("cerebrium_containers_running_count", "count", "Replicas that run.", lambda app: app.running),
    ("cerebrium_containers_ready_count", "count", "Replicas that are ready.", lambda app: app.ready),
)
_HISTOGRAMS: Sequence[tuple[str, str, Callable[[Exported], Histogram]]] = (
    ("cerebrium_run_execution_time_ms", "From its slot to its answer's end.", lambda app: app.execution_seconds),
    ("cerebrium_run_queue_time_ms", "Wait for a slot.", lambda app: app.metrics.queue_seconds),
    ("cerebrium_run_coldstart_time_ms", "Cold starts.", lambda app: app.cold_start_seconds),
    ("cerebrium_run_response_time_ms", "From a request to its answer's end.", lambda app: app.metrics.request_seconds),
)
_COUNTERS: Sequence[tuple[str, str, Callable[[Exported], int]]] = (
    ("cerebrium_run_total", "Requests.", lambda app: app.runs(0, 1000)),
    ("cerebrium_run_successes_total", "Requests with a status below 400.", lambda app: app.runs(0, _SUCCESS_BELOW)),
    ("cerebrium_run_errors_total", "Requests with a status from 400 on.", lambda app: app.runs(_SUCCESS_BELOW, 1000)),
)
NAMES = tuple(row[0] for rows in (_GAUGES, _HISTOGRAMS, _COUNTERS) for row in rows)


class PlatformMetrics:
    """All apps' metrics as OpenTelemetry's values; an Observer, for what nobody else counts."""

    def __init__(self, resource: Resource, apps: Callable[[], Iterable[tuple[AppConfig, AppMetrics]]]) -> None:
        self._resource = resource
        self._apps = apps
        self._execution: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._cold_starts: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._began_ns = time.time_ns()

    def over(self, passage: Passage, request: Request) -> None:
        if passage.granted_at and passage.replica != DOOR:  # what a run asks its app is told, too
            self._execution[passage.app].observe(passage.ended_at - passage.granted_at)

    def started(self, app: str, phases: Mapping[str, float]) -> None:
        """A cold start is over."""
        self._cold_starts[app].observe(sum(phases.values()))

    def collect(self) -> MetricsData:
        apps = [self._exported(*app) for app in self._apps()]
        scope = ScopeMetrics(SCOPE, [*self._metrics(apps, time.time_ns())], "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])

    def _exported(self, config: AppConfig, metrics: AppMetrics) -> Exported:
        return Exported(config, metrics, self._execution[config.name], self._cold_starts[config.name])

    def _metrics(self, apps: Sequence[Exported], now_ns: int) -> Iterator[Metric]:
        for name, unit, meaning, value in _GAUGES:
            yield Metric(name, meaning, unit, Gauge([self._number(app, value(app), now_ns) for app in apps]))
        for name, meaning, histogram in _HISTOGRAMS:
            points = [self._distribution(app, histogram(app), now_ns) for app in apps]
            yield Metric(name, meaning, "ms", HistogramData(points, _SINCE_START))
        for name, meaning, count in _COUNTERS:
            numbers = [self._number(app, count(app), now_ns) for app in apps]
            yield Metric(name, meaning, "", Sum(numbers, _SINCE_START, is_monotonic=True))

    def _number(self, app: Exported, value: float, now_ns: int) -> NumberDataPoint:
        return NumberDataPoint(app.labels, self._began_ns, now_ns, value)

    def _distribution(self, app: Exported, seconds: Histogram, now_ns: int) -> HistogramDataPoint:
        counts = seconds.counts
        return HistogramDataPoint(
            attributes=app.labels,
            start_time_unix_nano=self._began_ns,
            time_unix_nano=now_ns,
            count=sum(counts),
            sum=seconds.sum * 1000,
            bucket_counts=counts,
            explicit_bounds=_MILLISECONDS,
            min=None,  # type: ignore[arg-type]  # not known; optional in the protocol
            max=None,  # type: ignore[arg-type]  # nor this
        )

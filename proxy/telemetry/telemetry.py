"""What leaves this process by OTLP: built once, given to the request path, flushed at the end."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from proxy.config import AppConfig
from proxy.core.replica import Replica
from proxy.metrics import AppMetrics
from proxy.net.passage import Audience, Observer
from proxy.telemetry.platform_metrics import PlatformMetrics
from proxy.telemetry.signals import Signals
from proxy.telemetry.spans import SpanForm
from proxy.telemetry.tracing import Tracing

_INTERVAL_SECONDS = 60.0  # as Cerebrium pushes them, and OpenTelemetry's default
# A collector that does not answer holds up the end of the proxy no longer.
_FLUSH_SECONDS = 5.0


class Telemetry:
    """Owns the exporters. Their addresses, headers and limits are OpenTelemetry's own environment variables."""

    def __init__(self, signals: Signals) -> None:
        self._resource = _resource()
        self._spans = BatchSpanProcessor(OTLPSpanExporter()) if signals.traces else None
        self._exporter = OTLPMetricExporter() if signals.metrics else None
        self._tracing = None if self._spans is None else _tracing(self._resource, self._spans)
        self._metrics: PlatformMetrics | None = None
        self._runs = False

    def watch(self, apps: Callable[[], Iterable[tuple[AppConfig, AppMetrics]]]) -> None:
        """What metrics are of, whenever they are exported; before the first request."""
        if self._exporter is not None:
            self._metrics = PlatformMetrics(self._resource, apps)

    def audience(self, others: Audience) -> Audience:
        """The same, with ours before them: a line of the log may name its trace."""
        ours: list[Observer] = [one for one in (self._tracing, self._metrics) if one is not None]
        return Audience((*ours, *others.observers), self._tracing)

    def started(self, app: str, replica: Replica, phases: Mapping[str, float]) -> None:
        """A cold start is over now."""
        if self._tracing is not None:
            self._tracing.started(app, replica, phases)
        if self._metrics is not None:
            self._metrics.started(app, phases)

    async def run(self) -> None:
        """Export metrics, without end."""
        self._runs = True
        while self._metrics is not None:
            await asyncio.sleep(_interval_seconds())
            await asyncio.to_thread(self._export, self._metrics.collect())

    async def close(self) -> None:
        """Export what is left; nothing if nothing was served."""
        if not self._runs:
            return
        last = None if self._metrics is None else self._metrics.collect()
        # Not the loop's own threads: the end of the loop would wait for those.
        flushing = [
            threading.Thread(target=self._end_spans, name="spans", daemon=True),
            threading.Thread(target=self._end_metrics, args=(last,), name="metrics", daemon=True),
        ]
        for thread in flushing:
            thread.start()
        deadline = time.monotonic() + _FLUSH_SECONDS
        for thread in flushing:
            await asyncio.to_thread(thread.join, max(0.0, deadline - time.monotonic()))

    # In threads

    def _export(self, data: MetricsData) -> None:
        if self._exporter is not None:
            self._exporter.export(data)

    def _end_spans(self) -> None:
        if self._spans is not None:
            self._spans.shutdown()  # type: ignore[no-untyped-call]  # the SDK has not typed it

    def _end_metrics(self, data: MetricsData | None) -> None:
        if self._exporter is not None and data is not None:
            self._exporter.export(data)
            self._exporter.shutdown()


def _tracing(resource: Resource, spans: BatchSpanProcessor) -> Tracing:
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # reads OTEL_TRACES_SAMPLER
    return Tracing(provider.sampler, provider.id_generator, SpanForm(resource), spans)


def _resource() -> Resource:
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, and otherwise who we are."""
    ours = Resource({SERVICE_NAME: "tidegate", SERVICE_VERSION: version("tidegate")})
    theirs = Resource.create()
    named = not str(theirs.attributes[SERVICE_NAME]).startswith("unknown_service")
    return ours.merge(theirs) if named else theirs.merge(ours)


def _interval_seconds() -> float:
    try:
        return max(0.01, float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")) / 1000)
    except ValueError:
        return _INTERVAL_SECONDS

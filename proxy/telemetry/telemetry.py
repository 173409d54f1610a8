"""What leaves this process by OTLP: built once, given to the request path, flushed at the end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
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
            await _aside(partial(self._export, self._metrics.collect()))

    async def close(self) -> None:
        """Export what is left; nothing if nothing was served."""
        if not self._runs:
            return
        last = None if self._metrics is None else self._metrics.collect()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS), asyncio.TaskGroup() as tasks:
                tasks.create_task(_aside(self._end_spans))
                tasks.create_task(_aside(partial(self._end_metrics, last)))

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


async def _aside(work: Callable[[], None]) -> None:
    """Return when it is done. Not in a thread of the loop's own: the end of the loop would wait for that."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with suppress(RuntimeError):  # the loop has ended, and with it who waited
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="telemetry", daemon=True).start()
    await done.wait()


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

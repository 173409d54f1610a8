"""Metrics under Cerebrium's names."""

from __future__ import annotations

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, Sum
from opentelemetry.sdk.resources import Resource

from proxy.metrics import GpuUsage, Usage
from proxy.net.passage import Passage
from proxy.runs.door import REPLICA
from proxy.telemetry.platform_metrics import NAMES, PlatformMetrics
from proxy.wire.request import Request
from tests.net.fakes import Table

HARDWARE = '[cerebrium.hardware]\ncpu = 4\nregion = "us-east-1"\n'


def collected(metrics: PlatformMetrics) -> dict[str, Metric]:
    (of_resource,) = metrics.collect().resource_metrics
    return {metric.name: metric for metric in of_resource.scope_metrics[0].metrics}


def exporting(table: Table) -> PlatformMetrics:
    return PlatformMetrics(Resource.get_empty(), lambda: [(app.config, app.metrics) for app in table.apps])


def number(metric: Metric) -> float:
    assert isinstance(metric.data, Gauge | Sum)
    (point,) = metric.data.data_points
    return point.value


def count(metric: Metric) -> tuple[int, float]:
    """Of a histogram, with the sum of what was observed."""
    assert isinstance(metric.data, Histogram)
    (point,) = metric.data.data_points
    return point.count, point.sum


def passage(replica: str = "demo-0") -> Passage:
    made = Passage(Request(b"GET", b"/"), b"id", 200, 12.0)
    made.app, made.replica, made.started_at, made.granted_at = "demo", replica, 10.0, 10.5
    return made


def test_every_name_is_there_from_the_beginning() -> None:
    assert tuple(collected(exporting(Table()))) == NAMES


def test_use_is_that_of_all_replicas_together() -> None:
    table = Table(HARDWARE, limits=(1, 1))
    table.app.metrics.usage = {"a": Usage(0.5, 100), "b": Usage(0.25, 50)}
    table.app.metrics.gpu_usage = {"a": GpuUsage(0.8, 7), "b": GpuUsage(0.4, 3)}
    found = collected(exporting(table))
    assert number(found["cerebrium_cpu_utilization_cores"]) == 3.0
    assert number(found["cerebrium_memory_usage_bytes"]) == 150
    assert number(found["cerebrium_gpu_memory_usage_bytes"]) == 10
    assert round(number(found["cerebrium_gpu_compute_utilization_percent"])) == 60
    assert number(found["cerebrium_containers_ready_count"]) == 2


def test_labels_name_the_app_and_its_region() -> None:
    data = collected(exporting(Table(HARDWARE)))["cerebrium_run_total"].data
    assert data.data_points[0].attributes == {
        "project_id": "local",
        "app_id": "local-demo",
        "app_name": "demo",
        "region": "us-east-1",
    }


def test_runs_are_successes_or_errors() -> None:
    table = Table()
    table.app.metrics.requests = {200: 5, 302: 1, 404: 2, 503: 3}
    found = collected(exporting(table))
    names = ("cerebrium_run_total", "cerebrium_run_successes_total", "cerebrium_run_errors_total")
    assert [number(found[name]) for name in names] == [11, 6, 5]


def test_execution_lasts_from_the_slot_to_the_end_in_milliseconds() -> None:
    metrics = exporting(Table())
    metrics.over(passage(), Request(b"GET", b"/"))
    assert count(collected(metrics)["cerebrium_run_execution_time_ms"]) == (1, 1500.0)


def test_a_run_is_executed_once_though_two_requests_are_told() -> None:
    metrics = exporting(Table())
    metrics.over(passage(REPLICA), Request(b"GET", b"/"))
    assert count(collected(metrics)["cerebrium_run_execution_time_ms"]) == (0, 0.0)


def test_a_cold_start_is_all_its_phases() -> None:
    metrics = exporting(Table())
    metrics.started("demo", {"create": 0.5, "load": 1.5})
    assert count(collected(metrics)["cerebrium_run_coldstart_time_ms"]) == (1, 2000.0)

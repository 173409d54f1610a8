"""What Prometheus scrapes."""

from __future__ import annotations

import re

import pytest

from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.metrics import AppMetrics, GpuUsage, Histogram, TidegateCollector, Usage, render

# As they are promised, with the labels beside `app`.
NAMES = {
    "tidegate_requests_total": {"status"},
    "tidegate_request_seconds_bucket": {"le"},
    "tidegate_queue_seconds_bucket": {"le"},
    "tidegate_requests_in_flight": set(),
    "tidegate_queue_length": set(),
    "tidegate_replicas": {"state"},
    "tidegate_replica_in_flight": {"replica"},
    "tidegate_cold_starts_total": set(),
    "tidegate_cold_start_seconds_bucket": {"phase", "le"},
    "tidegate_replica_cpu_ratio": {"replica"},
    "tidegate_replica_memory_bytes": {"replica"},
    "tidegate_replica_gpu_ratio": {"replica"},
    "tidegate_replica_gpu_memory_bytes": {"replica"},
    "tidegate_replica_exits_total": {"reason"},
    "tidegate_desired_replicas": set(),
    "tidegate_decisions_total": {"clamp"},
}


def full_app() -> AppMetrics:
    """One of everything."""
    pool = Pool(FirstAvailable(), 10, 0.0)
    replica = Replica(0, "demo-1", 2, 0.0)
    pool.add(replica)
    pool.apply(replica, Event.PASSED, 1.0)
    pool.reserve(1.0)
    metrics = AppMetrics("demo", pool)
    metrics.finished(200, 0.2)
    metrics.finished(504, 3000.0)
    metrics.waited(0.3)
    metrics.became_ready({"create": 0.2, "start": 0.1, "load": 2.0, "ready": 0.4})
    metrics.exited("drained")
    metrics.usage["demo-1"] = Usage(0.5, 1024)
    metrics.gpu_usage["demo-1"] = GpuUsage(0.75, 2048)
    metrics.decided(3, "cooldown")
    return metrics


@pytest.fixture
def app() -> AppMetrics:
    return full_app()


def scraped(*apps: AppMetrics) -> dict[str, str]:
    text = render(TidegateCollector(apps)).decode()
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_names_and_labels_are_those_that_are_promised(app: AppMetrics) -> None:
    found: dict[str, set[str]] = {}
    for sample in scraped(app):
        name, _, labels = sample.partition("{")
        if not re.search("_(count|sum)$", name):
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    of_the_process = {"tidegate_tasks": set[str]()}
    assert found == {name: labels | {"app"} for name, labels in NAMES.items()} | of_the_process


def test_values_are_what_was_counted(app: AppMetrics) -> None:
    samples = scraped(app)
    for sample, value in {
        'tidegate_requests_total{app="demo",status="200"}': 1,
        'tidegate_request_seconds_bucket{app="demo",le="0.1"}': 0,
        'tidegate_request_seconds_bucket{app="demo",le="0.25"}': 1,
        'tidegate_request_seconds_bucket{app="demo",le="+Inf"}': 2,
        'tidegate_request_seconds_count{app="demo"}': 2,
        'tidegate_request_seconds_sum{app="demo"}': 3000.2,
        'tidegate_requests_in_flight{app="demo"}': 1,
        'tidegate_replicas{app="demo",state="ready"}': 1,
        'tidegate_replicas{app="demo",state="failed"}': 0,
        'tidegate_replica_in_flight{app="demo",replica="demo-1"}': 1,
        'tidegate_cold_start_seconds_sum{app="demo",phase="ready"}': 0.4,
        'tidegate_replica_exits_total{app="demo",reason="drained"}': 1,
        'tidegate_desired_replicas{app="demo"}': 3,
        'tidegate_decisions_total{app="demo",clamp="cooldown"}': 1,
    }.items():
        assert float(samples[sample]) == value, sample


def test_apps_are_told_apart_by_a_label(app: AppMetrics) -> None:
    other = AppMetrics("other", Pool(FirstAvailable(), 10, 0.0))
    samples = scraped(app, other)
    assert samples['tidegate_desired_replicas{app="other"}'] == "0.0"
    assert samples['tidegate_desired_replicas{app="demo"}'] == "3.0"


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram()
    histogram.observe(0.1)
    assert dict(histogram.cumulative())["0.1"] == 1

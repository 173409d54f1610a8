"""The last hour: rates and times from differences, in memory of a fixed size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from proxy.admin.history import SAMPLES_KEPT, History
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.metrics import AppMetrics, Usage

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def metrics() -> AppMetrics:
    return AppMetrics("demo", Pool(FirstAvailable(), 10, 0.0))


@pytest.fixture
def history(metrics: AppMetrics) -> History:
    return History(metrics, 0.0)


def take(history: History, second: float) -> dict[str, float | None]:
    history.sample(second, EPOCH + timedelta(seconds=second))
    last = history.last()
    assert last is not None
    return last


def test_before_the_first_sample_nothing_is_known(history: History) -> None:
    assert history.last() is None
    assert history.document()["series"] == {}


def test_a_rate_is_what_came_since_the_sample_before(history: History, metrics: AppMetrics) -> None:
    for status in [200] * 9 + [502]:
        metrics.finished(status, 0.1)
    first = take(history, 5.0)
    assert (first["requests_per_second"], first["errors_per_second"]) == (2.0, 0.2)
    assert take(history, 10.0)["requests_per_second"] == 0.0


def test_times_are_those_of_the_last_minute(history: History, metrics: AppMetrics) -> None:
    metrics.finished(200, 0.1)
    assert take(history, 5.0)["p50_seconds"] == pytest.approx(0.075)
    for sample in range(2, 13):
        assert take(history, 5.0 * sample)["p50_seconds"] is not None
    assert take(history, 65.0)["p50_seconds"] is None


def test_cold_starts_and_failures_are_counted_between_samples(history: History, metrics: AppMetrics) -> None:
    metrics.became_ready({"create": 0.0, "start": 0.1, "load": 1.0, "ready": 0.1})
    metrics.failed(Replica(0, "demo-1", 1, 0.0), "unhealthy", "so", ())
    first = take(history, 5.0)
    assert (first["cold_starts"], first["failures"]) == (1.0, 1.0)
    assert take(history, 10.0)["failures"] == 0.0


def test_replicas_are_counted_by_state_with_what_they_use(history: History, metrics: AppMetrics) -> None:
    assert take(history, 5.0)["cpu_ratio"] is None
    for order in range(3):
        metrics.pool.add(Replica(order, f"demo-{order}", 1, 0.0))
    metrics.pool.apply(next(iter(metrics.pool)), Event.PASSED, 1.0)
    metrics.usage.update({"demo-0": Usage(0.5, 100), "demo-1": Usage(0.1, 50)})
    last = take(history, 10.0)
    assert (last["ready"], last["starting"], last["draining"]) == (1.0, 2.0, 0.0)
    assert (last["cpu_ratio"], last["memory_bytes"]) == (0.3, 150.0)


def test_an_hour_is_kept_the_oldest_first(history: History, metrics: AppMetrics) -> None:
    for sample in range(SAMPLES_KEPT + 3):
        metrics.desired = sample
        take(history, 5.0 * (sample + 1))
    document = history.document()
    assert document["series"]["desired"] == [float(sample) for sample in range(3, SAMPLES_KEPT + 3)]
    assert document["at"] == (EPOCH + timedelta(seconds=5.0 * (SAMPLES_KEPT + 3))).isoformat(timespec="milliseconds")

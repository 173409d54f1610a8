"""The last hour of one app, in memory of a fixed size, made from counters that exist anyway."""

from __future__ import annotations

import math
from array import array
from collections import Counter, deque
from datetime import datetime
from statistics import fmean
from typing import Any

from proxy.admin.quantile import quantile
from proxy.core.replica import State
from proxy.metrics import SECONDS_BUCKETS, AppMetrics

SAMPLE_SECONDS = 5.0
SAMPLES_KEPT = 720
# Request times are those of the last minute: in five seconds there may be none.
_TIMES_OVER_SAMPLES = 12
_STATES = (State.STARTING, State.READY, State.UNREADY, State.DRAINING)

Counts = tuple[int, ...]


class Recent:
    """One histogram's observations of the last minute."""

    def __init__(self, counts: Counts) -> None:
        self._before: deque[Counts] = deque([counts], maxlen=_TIMES_OVER_SAMPLES)

    def note(self, counts: Counts) -> Counts:
        """What was observed within the last minute, by bucket."""
        oldest = self._before[0]
        self._before.append(counts)
        return tuple(now - then for now, then in zip(counts, oldest, strict=True))


class History:
    """A ring of samples in columns, one every SAMPLE_SECONDS; NaN is what is not known."""

    def __init__(self, metrics: AppMetrics, now: float) -> None:
        self._metrics = metrics
        self._columns: dict[str, array[float]] = {}
        self._next = 0
        self._kept = 0
        self._at: datetime | None = None
        self._taken_at = now
        self._totals = _totals(metrics)
        self._requests = Recent(metrics.request_seconds.counts)
        self._waits = Recent(metrics.queue_seconds.counts)

    def sample(self, now: float, wall: datetime) -> None:
        """Take one; `wall` is what a person's clock says."""
        values = {**self._rates(now), **self._times(), **self._replicas()}
        for name, value in values.items():
            column = self._columns.setdefault(name, array("d", [math.nan]) * SAMPLES_KEPT)
            column[self._next] = math.nan if value is None else value
        self._next = (self._next + 1) % SAMPLES_KEPT
        self._kept = min(SAMPLES_KEPT, self._kept + 1)
        self._at = wall

    def document(self) -> dict[str, Any]:  # Any: JSON values are of any type
        """All samples in columns, the oldest first; null is what is not known. `at` is the last one's time."""
        return {
            "seconds": SAMPLE_SECONDS,
            "at": self._clock(),
            "series": {
                name: [_plain(value) for value in self._ordered(column)] for name, column in self._columns.items()
            },
        }

    def last(self) -> dict[str, Any] | None:  # Any: JSON values are of any type
        """The newest sample; None before the first."""
        if not self._kept:
            return None
        values = {name: _plain(column[self._next - 1]) for name, column in self._columns.items()}
        return {"at": self._clock(), **values}

    def _clock(self) -> str | None:
        return None if self._at is None else self._at.isoformat(timespec="milliseconds")

    def _ordered(self, column: array[float]) -> array[float]:
        if self._kept < SAMPLES_KEPT:
            return column[: self._kept]
        return column[self._next :] + column[: self._next]

    def _rates(self, now: float) -> dict[str, float | None]:
        seconds, before = max(now - self._taken_at, 1e-3), self._totals
        self._taken_at, self._totals = now, _totals(self._metrics)
        grown = {name: total - before[name] for name, total in self._totals.items()}
        return {
            "requests_per_second": grown["requests"] / seconds,
            "errors_per_second": grown["errors"] / seconds,
            "cold_starts": grown["cold_starts"],
            "failures": grown["failures"],
        }

    def _times(self) -> dict[str, float | None]:
        requests = self._requests.note(self._metrics.request_seconds.counts)
        waits = self._waits.note(self._metrics.queue_seconds.counts)
        return {
            "p50_seconds": quantile(0.50, SECONDS_BUCKETS, requests),
            "p95_seconds": quantile(0.95, SECONDS_BUCKETS, requests),
            "p99_seconds": quantile(0.99, SECONDS_BUCKETS, requests),
            "wait_p95_seconds": quantile(0.95, SECONDS_BUCKETS, waits),
        }

    def _replicas(self) -> dict[str, float | None]:
        pool, usage, gpus = self._metrics.pool, self._metrics.usage, self._metrics.gpu_usage
        states = Counter(replica.state for replica in pool)
        return {
            "in_flight": pool.in_flight,
            "queued": len(pool.queue),
            "desired": self._metrics.desired,
            **{state.value: states[state] for state in _STATES},
            "cpu_ratio": fmean(one.cpu_ratio for one in usage.values()) if usage else None,
            "gpu_ratio": fmean(one.ratio for one in gpus.values()) if gpus else None,
            "memory_bytes": sum(one.memory_bytes for one in usage.values()) if usage else None,
        }


def _totals(metrics: AppMetrics) -> dict[str, int]:
    return {
        "requests": sum(metrics.requests.values()),
        "errors": sum(count for status, count in metrics.requests.items() if status >= 500),
        "cold_starts": metrics.cold_starts,
        "failures": metrics.failed_replicas,
    }


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)

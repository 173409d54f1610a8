"""What the admin API says of an app, as plain values."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from proxy.admin.apps import AdminApp
from proxy.core.allowance import Allowance
from proxy.core.autoscaler.limits import Limits, limits_at
from proxy.core.failure import FAILURES_KEPT
from proxy.core.replica import Replica

# JSON documents: their values are of any type that JSON has.
Document = dict[str, Any]


def app_view(app: AdminApp) -> Document:
    """One app, whole."""
    pool, now = app.pool, time.monotonic()
    return {
        "name": app.config.name,
        "backend": app.backend,
        "balancer": app.config.scaling.load_balancing_algorithm,
        "in_flight": pool.in_flight,
        "queue": {
            "length": len(pool.queue),
            "oldest_wait_seconds": round(pool.queue.oldest_wait_seconds(now), 3),
            "limit": pool.queue.limit,
        },
        "replicas": [replica_view(app, replica) for replica in pool],
        "scaling": _scaling_view(app),
        "revision": app.revision(),
    }


def replica_view(app: AdminApp, replica: Replica) -> Document:
    """One replica, whole; its use of GPUs only where there are some."""
    usage, gpu = app.metrics.usage.get(replica.id), app.metrics.gpu_usage.get(replica.id)
    return {
        "id": replica.id,
        "state": replica.state.value,
        "revision": replica.revision,
        "address": replica.address,
        "in_flight": replica.in_flight,
        "limit": replica.limit,
        "started_at": _clock(replica.started_at),
        "ready_at": _clock(replica.ready_at),
        "cold_start_seconds": _rounded(replica.cold_start_seconds),
        "cpu_ratio": _rounded(usage.cpu_ratio if usage else None),
        "memory_bytes": usage.memory_bytes if usage else None,
        **({"gpu_ratio": _rounded(gpu.ratio), "gpu_memory_bytes": gpu.memory_bytes} if gpu else {}),
        **app.identity(replica),
        "last_probe": replica.last_probe,
    }


def _scaling_view(app: AdminApp) -> Document:
    settings, decision, limits = app.config.scaling, app.scaler.records.last, _limits(app)
    return {
        "min": limits.min_replicas,
        "max": limits.max_replicas,
        "desired": decision.desired if decision else None,
        "metric": settings.metric,
        "target": settings.target,
        "observed": _rounded(decision.observed if decision else None),
        "reason": decision.reason if decision else "",
    }


def _limits(app: AdminApp) -> Limits:
    return limits_at(app.config.scaling, datetime.now(UTC), app.scaler.override)


def limits_view(app: AdminApp) -> Document:
    """The limits that hold now, and what was set by hand."""
    limits = _limits(app)
    return {
        "min_replicas": limits.min_replicas,
        "max_replicas": limits.max_replicas,
        "override": asdict(app.scaler.override),
    }


def decisions_view(app: AdminApp, limit: int) -> list[Document]:
    """The last `limit` decisions, the oldest first."""
    records = app.scaler.records
    return [records[place].document() for place in range(max(0, len(records) - limit), len(records))]


def failures_view(app: AdminApp, limit: int = FAILURES_KEPT) -> list[Document]:
    """The replicas that failed last, the oldest first, with what they printed last."""
    failures = list(app.metrics.failures)[-limit:]
    return [{**asdict(failure), "at": failure.at.isoformat(timespec="milliseconds")} for failure in failures]


def cold_start_view(app: AdminApp) -> Document:
    """How often replicas started, and the median of the last starts, whole and by phase."""
    estimate = app.metrics.cold_start.estimate
    return {
        "count": app.metrics.cold_starts,
        "seconds": _rounded(estimate.seconds if estimate else None),
        "phases": {name: round(seconds, 3) for name, seconds in estimate.phases.items()} if estimate else {},
    }


def keys_view(allowances: Mapping[str, Allowance], since: float) -> Document:
    """What each key was used for since then (time.monotonic)."""
    keys = [
        {"id": key_id, "requests": each.requests, "in_flight": each.in_flight, "last_used_at": _clock(each.used_at)}
        for key_id, each in allowances.items()
    ]
    return {"since": _clock(since), "keys": keys}


def _clock(monotonic: float | None) -> str | None:
    """A moment of the monotonic clock as wall-clock time (ISO 8601, UTC)."""
    return None if monotonic is None else _moment(monotonic)


@lru_cache(maxsize=8192)
def _moment(monotonic: float) -> str:
    """Worked out once for each moment: so it stays the same, and a live view of many replicas stays cheap."""
    passed = timedelta(seconds=time.monotonic() - monotonic)
    return (datetime.now(UTC) - passed).isoformat(timespec="milliseconds")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

"""loadtests/load_outcome.py: the row of one load script, and what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from load_outcome import Outcome, Proxy, Replicas, Timings, table

METRICS = """
# TYPE tidegate_queue_seconds histogram
tidegate_queue_seconds_bucket{app="model",le="0.01"} 90
tidegate_queue_seconds_bucket{app="model",le="1.0"} 100
tidegate_queue_seconds_bucket{app="model",le="+Inf"} 100
# TYPE tidegate_cold_starts counter
tidegate_cold_starts_total{app="model"} 3
"""


def row(method: str, times: dict[str, int], failures: int = 0) -> dict[str, Any]:
    counts = {"num_requests": sum(times.values()), "num_failures": failures}
    return {"method": method, "response_times": times, **counts}


def replica(event: str, peak: int) -> str:
    return json.dumps({"event": event, "pid": 1, "peak": peak, "limit": 4})


def outcome(rows: list[dict[str, Any]], *report: str) -> Outcome:
    said = "\n".join(report or (replica("start", 0), replica("peak", 4)))
    return Outcome("model", rows, Proxy.of(METRICS), Replicas.of(said))


def test_a_percentile_is_the_smallest_that_so_many_reach() -> None:
    timings = Timings([row("POST", {"10": 50, "200": 45}), row("POST", {"30": 4, "900": 1})])
    assert [timings.percentile(share) for share in (0.5, 0.51, 0.95, 0.99, 1)] == [10, 30, 200, 200, 900]
    assert Timings([]).percentile(0.5) is None


def test_waits_and_starts_are_the_proxys_own() -> None:
    proxy = Proxy.of(METRICS)
    assert proxy.cold_starts == 3
    assert proxy.wait(0.9) == 10
    assert (proxy.wait(0.99) or 0) > 900


def test_waits_of_a_proxy_that_served_nothing_are_not_known() -> None:
    assert Proxy.of("").wait(0.5) is None


def test_a_row_has_requests_and_what_was_measured_beside_them() -> None:
    rows = [row("POST", {"20": 10}), row("TTFT", {"5": 10}), row("TOKENS/S", {"40": 10}), row("TOKEN", {"7": 300})]
    assert outcome(rows).cells()[:6] == ("model", "10", "0", "20 / 20 / 20", "5.0 / 5.0", "40")
    assert "4 of 4" in table([outcome(rows)]).markdown()
    assert list(outcome(rows).faults()) == []


def test_a_replica_over_its_limit_is_a_fault() -> None:
    broken = outcome([row("POST", {"20": 10})], replica("start", 0), replica("overlap", 5))
    assert list(broken.faults()) == ["model: a replica had 5 requests at once, more than its limit of 4"]


def test_failures_are_told_with_their_reasons() -> None:
    reason = {"Method": "POST", "Name": "/predict", "Error": "503: no_replica", "Occurrences": "2"}
    failed = replace(outcome([row("POST", {"20": 10}, failures=2)]), reasons=[reason])
    assert list(failed.faults())[1] == "model: 2 × POST /predict: 503: no_replica"


def test_failures_and_nothing_done_are_faults() -> None:
    assert list(outcome([row("POST", {"20": 10}, failures=2)]).faults()) == ["model: 2 of 10 requests failed"]
    idle = outcome([row("QUEUE", {"1": 1})], replica("peak", 0))
    assert list(idle.faults()) == ["model: no request was made", "model: no replica said that it had started"]

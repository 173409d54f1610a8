"""What one load script found, from locust, from the proxy's /metrics and from the replicas themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from bench.table import Table
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.quantile import quantile

# locust's rows that are no requests: locust_rows.py, llm.py and mixed.py.
QUEUE, COLD, TTFT, TOKEN, TOKEN_RATE, LEFT = "QUEUE", "COLD", "TTFT", "TOKEN", "TOKENS/S", "LEFT"
DETAILS = {QUEUE, COLD, TTFT, TOKEN, TOKEN_RATE, LEFT}
HEADER = (
    "script",
    "requests",
    "failures",
    "p50 / p95 / p99 ms",
    "first token p50 / p99 ms",
    "tokens/s",
    "queue wait p50 / p99 ms",
    "cold starts",
    "peak of limit",
)
NOTE = (
    "Tokens a second are the median answer's. Queue waits are read from the proxy's histogram, whose steps are coarse: "
    "2.5 ms is any wait up to 5 ms. The peak is the most requests that a replica counted at once, and its limit."
)


class Timings:
    """Rows of locust's histogram put together: milliseconds → how many."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:  # rows are locust's JSON
        self._counts: Counter[float] = Counter()
        for row in rows:
            for milliseconds, count in row["response_times"].items():
                self._counts[float(milliseconds)] += count

    def percentile(self, share: float) -> float | None:
        """A value that was seen; None of nothing."""
        total = self._counts.total()
        values = sorted(self._counts)
        sums = accumulate(self._counts[value] for value in values)
        return next((value for value, below in zip(values, sums, strict=True) if below >= share * total), None)

    def text(self, *shares: float) -> str:
        return _together(self.percentile(share) for share in shares)


@dataclass(frozen=True)
class Proxy:
    """What /metrics says at the end."""

    waits: Mapping[float, int]
    cold_starts: int

    @classmethod
    def of(cls, metrics: str) -> Proxy:
        waits: Counter[float] = Counter()
        cold_starts = 0
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                if sample.name == "tidegate_queue_seconds_bucket":
                    waits[float(sample.labels["le"])] += int(sample.value)
                elif sample.name == "tidegate_cold_starts_total":
                    cold_starts += int(sample.value)
        return cls(waits, cold_starts)

    def wait(self, share: float) -> float | None:
        """Milliseconds."""
        bounds = sorted(self.waits)
        sums = [0, *(self.waits[bound] for bound in bounds)]
        counts = [later - earlier for earlier, later in pairwise(sums)]
        seconds = quantile(share, bounds, counts)
        return None if seconds is None else 1000 * seconds


@dataclass(frozen=True)
class Replicas:
    """What fake model servers counted of themselves."""

    started: int
    peak: int
    limit: int | None
    overlaps: int

    @classmethod
    def of(cls, report: str) -> Replicas:
        lines = [json.loads(line) for line in report.splitlines()]
        return cls(
            started=sum(line["event"] == "start" for line in lines),
            peak=max((line["peak"] for line in lines), default=0),
            limit=max((line["limit"] for line in lines if line["limit"]), default=None),
            overlaps=sum(line["event"] == "overlap" for line in lines),
        )


@dataclass(frozen=True)
class Outcome:
    """Of one script; `rows` is locust's JSON, `reasons` the lines of its file of failures."""

    name: str
    rows: Sequence[Mapping[str, Any]]
    proxy: Proxy
    replicas: Replicas
    reasons: Sequence[Mapping[str, str]] = ()

    @property
    def _requests(self) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if row["method"] not in DETAILS]

    def _timings(self, kind: str) -> Timings:
        return Timings([row for row in self.rows if row["method"] == kind])

    @property
    def requests(self) -> int:
        return sum(row["num_requests"] for row in self._requests)

    @property
    def failures(self) -> int:
        return sum(row["num_failures"] for row in self.rows)

    def faults(self) -> Iterator[str]:
        if not self.requests:
            yield f"{self.name}: no request was made"
        if self.failures:
            yield f"{self.name}: {self.failures} of {self.requests} requests failed"
            for reason in self.reasons:
                yield f"{self.name}: {reason['Occurrences']} × {reason['Method']} {reason['Name']}: {reason['Error']}"
        if not self.replicas.started:
            yield f"{self.name}: no replica said that it had started"
        if self.replicas.overlaps:
            limit = f"its limit of {self.replicas.limit}"
            yield f"{self.name}: a replica had {self.replicas.peak} requests at once, more than {limit}"

    def cells(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{self.requests:,}",
            f"{self.failures:,}",
            Timings(self._requests).text(0.5, 0.95, 0.99),
            self._timings(TTFT).text(0.5, 0.99),
            self._timings(TOKEN_RATE).text(0.5),
            _together(self.proxy.wait(share) for share in (0.5, 0.99)),
            str(self.proxy.cold_starts),
            f"{self.replicas.peak} of {self.replicas.limit}",
        )


def table(outcomes: Sequence[Outcome]) -> Table:
    return Table(HEADER, [outcome.cells() for outcome in outcomes], NOTE)


def _together(values: Iterator[float | None]) -> str:
    known = [f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in values if value is not None]
    return " / ".join(known) or "–"

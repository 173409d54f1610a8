"""The figures of several runs side by side, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy.simulation.outcome import Outcome
from proxy.simulation.picture import bars

_HEADING = ("", "replica-seconds", "× oracle", "cold starts", "max", "mean", "p50", "p95", "p99", "longest", "late")


def table(outcomes: Sequence[Outcome], oracles: Sequence[float]) -> Iterator[str]:
    """`oracles` are the zero-wait oracle's replica-seconds, for each; waits are in seconds."""
    rows = [_HEADING, *(_row(outcome, oracle) for outcome, oracle in zip(outcomes, oracles, strict=True))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first, *(cell.strip().rjust(len(cell)) for cell in others)]).rstrip()
    yield ""
    for outcome in outcomes:
        yield f"{outcome.name.ljust(widths[0])}  |{bars(outcome)}| replicas over time, at most {outcome.max_replicas}"


def _row(outcome: Outcome, oracle: float) -> tuple[str, ...]:
    waits = outcome.waits
    times = f"{outcome.replica_seconds / oracle:.2f}" if oracle else "–"
    seconds = (f"{wait:.2f}" for wait in (waits.mean, waits.p50, waits.p95, waits.p99, waits.max))
    counts = (f"{outcome.replica_seconds:.0f}", times, str(outcome.cold_starts), str(outcome.max_replicas))
    return (outcome.name, *counts, *seconds, f"{outcome.late_share:.2%}")

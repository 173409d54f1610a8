"""Small requests: what one costs, how many there are per second, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.peers import HAPROXY, started
from bench.setting import Setting, interleaved
from bench.table import Table, figure, ratio
from bench.wrk import Run, Wrk

HEADER = ("proxy", "CPU µs per request", "× HAProxy", "requests/s", "p50 ms", "p99 ms", "errors")


def measure(setting: Setting) -> Table:
    rounds, seconds = (2, 1) if setting.short else (5, 4)
    wrk = Wrk(setting.programs.wrk)
    with setting.nginx_backend() as port, started(setting.peers, port) as servers:
        runs = interleaved(servers, rounds, lambda server: wrk.run(server, seconds))
    base = _cost(runs[HAPROXY]) if HAPROXY in runs else None
    rows = [_row(name, runs_of_one, base) for name, runs_of_one in runs.items()]
    note = (
        f"Medians of {rounds} interleaved rounds of {seconds} s, {wrk.connections} connections kept open, "
        "an answer of 12 bytes. CPU is user and system time of the proxy's processes."
    )
    return Table(HEADER, rows, note)


def _row(name: str, runs: Sequence[Run], base: float | None) -> tuple[str, ...]:
    cost = _cost(runs)
    rate = median(run.requests / run.seconds for run in runs)
    p50, p99 = median(run.p50_ms for run in runs), median(run.p99_ms for run in runs)
    errors = sum(run.errors for run in runs)
    return (name, figure(cost), ratio(cost, base), f"{rate:,.0f}", figure(p50), figure(p99), str(errors))


def _cost(runs: Sequence[Run]) -> float:
    """Microseconds of CPU per request."""
    return median(run.cpu_seconds / run.requests for run in runs) * 1e6

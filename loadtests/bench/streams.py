"""Event streams: what a proxy adds to the age of an event, and what each event costs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.failure import BenchError
from bench.peers import NGINX, Server, script, serving, started
from bench.setting import Setting, interleaved
from bench.table import Table, figure, ratio

STREAMS = 300
EVENTS_PER_SECOND = 50
DIRECT = "no proxy"
HEADER = ("proxy", "CPU µs per event", "× nginx", "added p50 ms", "added p99 ms", "p50 ms", "p99 ms", "events/s")


@dataclass(frozen=True, slots=True)
class Run:
    """One run's events: how many, their age on arrival, and what one cost the proxy."""

    rate: float
    p50_ms: float
    p99_ms: float
    cost_us: float


def measure(setting: Setting) -> Table:
    rounds, seconds = (1, 1) if setting.short else (3, 4)
    with (
        serving("the backend", lambda _, port: script("event_stream_server.py", port)) as backend,
        started(setting.peers, backend.port) as servers,
    ):
        runs = interleaved({DIRECT: backend, **servers}, rounds, lambda server: _run(server, seconds))
    direct = _medians(runs.pop(DIRECT))
    results = {name: _medians(runs_of_one) for name, runs_of_one in runs.items()}
    base = results[NGINX].cost_us if NGINX in results else None
    ages = (figure(direct.p50_ms), figure(direct.p99_ms), f"{direct.rate:,.0f}")
    rows = [(DIRECT, "–", "–", "–", "–", *ages), *(_row(name, run, direct, base) for name, run in results.items())]
    note = (
        f"Medians of {rounds} interleaved rounds of {seconds} s: {STREAMS} streams, {EVENTS_PER_SECOND} events per "
        "second in each, fifteen streams in the same millisecond. Age is from the send of the event to its arrival at "
        "the client; added is what is above the same figure without a proxy."
    )
    return Table(HEADER, rows, note)


def _run(server: Server, seconds: int) -> Run:
    command = script("event_stream_client.py", server.port, STREAMS, seconds)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
        assert client.stdout is not None
        try:
            first = client.stdout.readline().strip()
            before = server.process.cpu_seconds()
            last = client.stdout.readline().strip()
            cpu_seconds = server.process.cpu_seconds() - before
        finally:
            client.terminate()
    if first != "started" or not last.startswith("{"):
        raise BenchError(f"event streams through {server.name} failed: {last or first}")
    seen = json.loads(last)
    return Run(seen["events"] / seconds, seen["p50_ms"], seen["p99_ms"], cpu_seconds / seen["events"] * 1e6)


def _medians(runs: Sequence[Run]) -> Run:
    return Run(
        median(run.rate for run in runs),
        median(run.p50_ms for run in runs),
        median(run.p99_ms for run in runs),
        median(run.cost_us for run in runs),
    )


def _row(name: str, run: Run, direct: Run, base: float | None) -> tuple[str, ...]:
    added = (run.p50_ms - direct.p50_ms, run.p99_ms - direct.p99_ms)
    times = (*added, run.p50_ms, run.p99_ms)
    return (name, figure(run.cost_us), ratio(run.cost_us, base), *map(figure, times), f"{run.rate:,.0f}")

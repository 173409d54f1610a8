"""Bodies of 64 KiB and 100 MiB, both ways: how fast they pass, and at what cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic

from bench.client import Client
from bench.nginx import BODY_BYTES, file_name
from bench.peers import NGINX, Server, script, serving, started
from bench.setting import Setting, interleaved
from bench.table import Table, figure, ratio
from bench.wrk import Wrk

SMALL, LARGE = BODY_BYTES
CONNECTIONS = 8
HEADER = ("transfer", "proxy", "MB/s", "CPU ms per 100 MiB", "× nginx")


@dataclass(frozen=True, slots=True)
class Run:
    """One run's speed and cost."""

    mb_per_second: float
    cost_ms: float


def measure(setting: Setting) -> Table:
    rounds, seconds = (1 if setting.short else 3), 1
    program = setting.programs.wrk
    rows: list[tuple[str, ...]] = []

    def compare(transfer: str, servers: Mapping[str, Server], run: Callable[[Server], Run]) -> None:
        rows.extend(_rows(transfer, interleaved(servers, rounds, run)))

    with setting.nginx_backend() as port, started(setting.peers, port) as servers:
        wrk = Wrk(program, f"/files/{file_name(SMALL)}", CONNECTIONS)
        compare(f"download {SMALL}", servers, lambda server: _small(wrk, server, seconds))
        path = f"/files/{file_name(LARGE)}"
        compare(f"download {LARGE}", servers, lambda server: _large(server, seconds, lambda one: one.get(path)))
    with (
        serving("the backend", lambda _, port: script("discard_server.py", port)) as backend,
        started(setting.peers, backend.port) as servers,
    ):
        posts = Wrk(program, "/", CONNECTIONS, BODY_BYTES[SMALL])
        compare(f"upload {SMALL}", servers, lambda server: _small(posts, server, seconds))
        size = BODY_BYTES[LARGE]
        compare(f"upload {LARGE}", servers, lambda server: _large(server, seconds, lambda one: one.post(size)))
    note = (
        f"Medians of {rounds} interleaved rounds of {seconds} s; {SMALL}: {CONNECTIONS} connections, {LARGE}: one. "
        "The slowest of client, proxy and backend sets the speed; they share the machine's cores."
    )
    return Table(HEADER, rows, note)


def _small(wrk: Wrk, server: Server, seconds: int) -> Run:
    run = wrk.run(server, seconds)
    return _result(run.requests * BODY_BYTES[SMALL], run.seconds, run.cpu_seconds)


def _large(server: Server, seconds: int, transfer: Callable[[Client], None]) -> Run:
    """As many transfers as begin within `seconds`."""
    with Client(server) as client:
        cpu_before, began, count = server.process.cpu_seconds(), monotonic(), 0
        while (took := monotonic() - began) < seconds:
            transfer(client)
            count += 1
        return _result(count * BODY_BYTES[LARGE], took, server.process.cpu_seconds() - cpu_before)


def _result(count: int, seconds: float, cpu_seconds: float) -> Run:
    return Run(count / 1e6 / seconds, cpu_seconds * 1e3 / (count / BODY_BYTES[LARGE]))


def _rows(transfer: str, runs: Mapping[str, Sequence[Run]]) -> list[tuple[str, ...]]:
    costs = {name: median(run.cost_ms for run in runs_of_one) for name, runs_of_one in runs.items()}
    speeds = {name: median(run.mb_per_second for run in runs_of_one) for name, runs_of_one in runs.items()}
    base = costs.get(NGINX)
    return [(transfer, name, f"{speeds[name]:,.0f}", figure(cost), ratio(cost, base)) for name, cost in costs.items()]

"""Functions served by Tidegate against the same ones under FastAPI and uvicorn, and how soon a function is ready.

Usage: python loadtests/functions.py [--short] [--json FILE]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.command import parser, run
from bench.machine import description
from bench.peers import HERE, Server, serving
from bench.programs import find_programs
from bench.result import Result
from bench.setting import interleaved
from bench.table import Table, figure, ratio
from bench.wrk import Run, Wrk

OURS, GATED, FASTAPI = "function server", "tidegate runtime", "FastAPI + uvicorn"
FUNCTIONS = ("in_loop", "in_thread")
LIMIT = 100
READY_BUDGET_MS = 350
# As in an ENTRYPOINT: by the command's own script.
TIDEGATE_RUNTIME = (sys.executable, str(Path(sys.executable).with_name("tidegate")), "runtime")

MAIN = """
async def in_loop():
    return None

def in_thread():
    return None
"""
APP = (
    "from fastapi import FastAPI\nimport main\napp = FastAPI()\n"
    "app.post('/in_loop')(main.in_loop)\napp.post('/in_thread')(main.in_thread)\napp.get('/ready')(lambda: {})\n"
)
QUIET = ("DISABLE_REQUEST_LOGS=true", "DISABLE_RESPONSE_LOGS=true")


def command(name: str, folder: Path, port: int) -> list[str]:
    """One process of each, without a log of requests; the gate of `tidegate runtime` is a process of its own."""
    (folder / "main.py").write_text(MAIN)
    (folder / "app.py").write_text(APP)
    env = [
        "env",
        "-C",
        str(folder),
        f"PORT={port}",
        f"MAX_CONCURRENT_TASKS={LIMIT}",
        *QUIET,
        sys.executable,
        "-P",
        "-m",
    ]
    if name == FASTAPI:
        options = ["--port", str(port), "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        return [*env, "uvicorn", "--app-dir", str(folder), *options, "app:app"]
    return [*env, "runtime.serve"] if name == OURS else [*env, "runtime", "--host", "127.0.0.1"]


def speed(wrk_program: str, rounds: int, seconds: int) -> Table:
    with ExitStack() as stack:
        servers = {}
        for name in (OURS, GATED, FASTAPI):
            servers[name] = stack.enter_context(serving(name, partial(command, name), "/ready"))
        runs = {function: measured(wrk_program, servers, function, rounds, seconds) for function in FUNCTIONS}
    rows = [row(name, function, runs[function]) for function in FUNCTIONS for name in servers]
    header = (
        "server",
        "function",
        "requests/s",
        "× FastAPI",
        "CPU µs per request",
        "× less",
        "p50 ms",
        "p99 ms",
        "errors",
    )
    note = (
        f"Medians of {rounds} interleaved rounds of {seconds} s, 32 connections, `{{}}` in and `null` out, requests "
        "not logged. CPU is that of all processes of the server. "
        f"FastAPI {version('fastapi')}, uvicorn {version('uvicorn')} with uvloop and httptools."
    )
    return Table(header, rows, note)


def measured(
    program: str, servers: Mapping[str, Server], function: str, rounds: int, seconds: int
) -> Mapping[str, Sequence[Run]]:
    wrk = Wrk(program, path=f"/{function}", json="{}")
    return interleaved(servers, rounds, lambda server: wrk.run(server, seconds))


def row(name: str, function: str, runs: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    rate, cost = rate_of(runs[name]), cost_of(runs[name])
    p50, p99 = median(run.p50_ms for run in runs[name]), median(run.p99_ms for run in runs[name])
    errors = sum(run.errors for run in runs[name])
    times, less = ratio(rate, rate_of(runs[FASTAPI])), ratio(cost_of(runs[FASTAPI]), cost)
    return (name, function, f"{rate:,.0f}", times, figure(cost), less, figure(p50), figure(p99), str(errors))


def rate_of(runs: Sequence[Run]) -> float:
    return median(run.requests / run.seconds for run in runs)


def cost_of(runs: Sequence[Run]) -> float:
    """Microseconds of CPU per request."""
    return median(run.cpu_seconds / run.requests for run in runs) * 1e6


def readiness(rounds: int) -> Table:
    """How long the hello example takes from exec to the first good answer of GET /ready."""
    hello = HERE.parent / "examples" / "hello"
    rows = []
    for name, words in ((GATED, TIDEGATE_RUNTIME), (OURS, (sys.executable, "-P", "-m", "runtime.serve"))):
        seen = [ready_ms(name, words, hello) for _ in range(rounds)]
        rows.append((name, figure(median(seen)), figure(min(seen)), figure(max(seen)), str(READY_BUDGET_MS)))
    header = ("examples/hello", "ready after ms", "best", "worst", "budget")
    return Table(header, rows, f"Median of {rounds} starts, from exec to the first 200 of GET /ready.")


def ready_ms(name: str, words: Sequence[str], folder: Path) -> float:
    began = 0.0

    def start(_: Path, port: int) -> list[str]:
        nonlocal began
        began = time.perf_counter()
        return ["env", "-C", str(folder), f"PORT={port}", *words]

    with serving(name, start, "/ready"):
        return (time.perf_counter() - began) * 1000


def measure(short: bool) -> Result:
    programs = find_programs()
    where = f"{description(programs)}; load {os.getloadavg()[0]:.1f} before"
    rounds, seconds = (2, 1) if short else (5, 4)
    tables = {"runtime-ready": readiness(3 if short else 9), "runtime": speed(programs.wrk, rounds, seconds)}
    return Result("Functions", "make bench-runtime", where, tables)


if __name__ == "__main__":
    options = parser("The speed of functions.").parse_args()
    sys.exit(run(lambda: measure(options.short), options.json))

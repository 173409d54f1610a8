"""What one small request costs in our own code: no sockets, no system calls, the transports are fakes.

Usage: python loadtests/own_cost.py        interpreted and compiled, microseconds and (with valgrind) instructions.
       python loadtests/own_cost.py functions       the same of the function server, called by the gate.
       python loadtests/own_cost.py log             of requests with the request log, or with tracing, all
                                                    (`traces`) or none (`unsampled`) of it sampled.
       ... --requests N                             only make N requests, for a profiler; prints their microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import Any, cast

import uvloop

ROOT = Path(__file__).parents[1]
BUILDS = {"interpreted": ROOT, "compiled": ROOT / "build" / "compiled"}
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 18:49:32 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n"
)
CALL = (  # as the gate sends it on
    b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 2\r\ncontent-type: application/json\r\n"
    b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: 127.0.0.1:8000\r\n"
    b"x-request-id: 0123456789abcdef-1\r\n\r\n{}"
)
BATCH = 20  # requests that are there at the same time
WHAT = ("requests", "log", "traces", "unsampled", "functions")
ROUND = 2_000  # requests; the fastest round counts


class Transport:
    """Takes what is written."""

    def write(self, data: bytes) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 1) if name == "peername" else None


class Counting(Transport):
    """Counts what is written."""

    written = 0

    def write(self, data: bytes) -> None:
        self.written += 1


def audience(told: str) -> Any:  # the type is imported only from the build that is measured
    """Who is told of the requests; what they make of them is made, and thrown away."""
    from proxy.net.passage import Audience

    if told == "log":
        from proxy.cli.log_stream import LogStream, write_to
        from proxy.cli.request_lines import JsonRequestLines

        return Audience((LogStream(write_to(os.open(os.devnull, os.O_WRONLY)), JsonRequestLines()),))
    if told in {"traces", "unsampled"}:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

        from proxy.telemetry.spans import SpanForm
        from proxy.telemetry.tracing import Tracing

        sampler = ALWAYS_ON if told == "traces" else ALWAYS_OFF
        tracing = Tracing(sampler, RandomIdGenerator(), SpanForm(Resource.get_empty()), SpanProcessor())
        return Audience((tracing,), tracing)
    return Audience()


def cycle(folder: Path, told: str) -> Callable[[], None]:
    """One request and its answer, over a kept connection on either side."""
    from proxy.config import load
    from proxy.core.pool import Pool
    from proxy.core.replica import Event, Replica
    from proxy.metrics import AppMetrics
    from proxy.net.client import ClientConnection
    from proxy.net.connections import Connections
    from proxy.net.deadlines import Deadlines
    from proxy.net.link import Link
    from proxy.net.listener import Listener
    from proxy.net.service import Service, Terms
    from proxy.net.site import Site
    from proxy.wiring import load_balancer

    (folder / "cerebrium.toml").write_text('[cerebrium.deployment]\nname = "cost"\n')
    config, now, deadlines = load(folder), time.monotonic(), Deadlines(0.1)
    pool = Pool(load_balancer(config), 1_000, now)
    replica = Replica(0, "cost-1", 1_000, now)
    pool.add(replica)
    pool.apply(replica, Event.PASSED, now)
    connections = Connections(cast(asyncio.TaskGroup, None), deadlines, 5)
    service = Service(Terms.of(config), pool, connections, AppMetrics("cost", pool), deadlines)
    site = Site([service], deadlines)
    site.audience = audience(told)
    client = ClientConnection(Listener(site, 65_536))
    link = Link(connections, replica)
    transport: Any = Transport()
    client.connection_made(transport)
    link.connection_made(transport)
    connections.put(link, now + 1e9)

    def one() -> None:
        client.data_received(REQUEST)
        link.data_received(ANSWER)

    return one


async def made(count: int, what: str) -> float:
    """Microseconds per request, in the fastest round."""
    if what == "functions":
        async with asyncio.TaskGroup() as tasks:
            batch, end = call(tasks)
            seen = await fastest(batch, count)
            end()
            return seen
    with TemporaryDirectory() as folder:
        one = cycle(Path(folder), what)

    async def at_once() -> None:
        for _ in range(BATCH):
            one()

    return await fastest(at_once, count)


async def fastest(batch: Callable[[], Awaitable[None]], count: int) -> float:
    best = float("inf")
    for _ in range(max(1, count // ROUND)):
        began = time.perf_counter()
        for _ in range(min(count, ROUND) // BATCH):
            await batch()
        best = min(best, (time.perf_counter() - began) / min(count, ROUND))
    return best * 1e6


def call(tasks: asyncio.TaskGroup) -> tuple[Callable[[], Awaitable[None]], Callable[[], None]]:
    """What makes one call of a function that does nothing on each of several kept connections, and what ends them."""
    from runtime.calls import Calls
    from runtime.connection import Connections
    from runtime.functions import Function
    from runtime.journal import Journal
    from runtime.threads import Threads

    async def nothing() -> None:
        return None

    calls = Calls(Threads(1), Journal(requests=False, responses=False))
    calls.functions = {"nothing": Function(cast(FunctionType, nothing))}
    connections = Connections(tasks, calls.respond)
    clients = [connections.accept() for _ in range(BATCH)]
    transport: Any = Counting()
    for client in clients:
        client.connection_made(transport)

    async def all_of_them() -> None:
        transport.written = 0
        for client in clients:
            client.data_received(CALL)
        while transport.written < BATCH:  # noqa: ASYNC110  # an event would cost, too
            await asyncio.sleep(0)

    def end() -> None:
        for client in clients:
            client.connection_lost(None)

    return all_of_them, end


def run(code: Path, count: int, what: str, prefix: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-P", __file__, what, "--requests", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONHASHSEED": "0"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def measured(code: Path, what: str) -> float:
    return float(run(code, 40 * ROUND, what, []).stdout)


def instructions(code: Path, what: str) -> float | None:
    """Per request, counted by callgrind: the same whatever else the machine does. None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counted = []
    for count in (ROUND, 3 * ROUND):
        done = run(code, count, what, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"])
        found = re.search(r"Collected : (\d+)", done.stderr)
        assert found is not None, done.stderr
        counted.append(int(found[1]))
    return (counted[1] - counted[0]) / (2 * ROUND)


def main() -> int:
    parser = argparse.ArgumentParser(description="What one small request costs in our own code.")
    parser.add_argument("--requests", type=int, help="only make so many, for a profiler")
    parser.add_argument("what", nargs="?", default="requests", choices=WHAT, help="what is counted")
    options = parser.parse_args()
    if options.requests is not None:
        print(f"{uvloop.run(made(options.requests, options.what)):.2f}")
        return 0
    for name, code in BUILDS.items():
        if not (code / "proxy").exists():
            print(f"{name}: not there; make bench makes it")
            continue
        microseconds, counted = measured(code, options.what), instructions(code, options.what)
        print(f"{name}: {microseconds:.2f} µs" + (f", {counted:,.0f} instructions" if counted else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What one small request costs in our own code: no sockets, no system calls, the transports are fakes.

Usage: python loadtests/own_cost.py        interpreted and compiled, microseconds and (with valgrind) instructions.
       python loadtests/own_cost.py --requests N    only make N requests, for a profiler; prints their microseconds.
       ... --told log|traces|unsampled              with the request log, or with tracing, all or none of it sampled.
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
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

ROOT = Path(__file__).parents[1]
BUILDS = {"interpreted": ROOT, "compiled": ROOT / "build" / "compiled"}
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 18:49:32 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n"
)
ROUND = 2_000  # requests; the fastest round counts


class Transport:
    """Takes what is written."""

    def write(self, data: bytes) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 1) if name == "peername" else None


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


async def made(count: int, told: str) -> float:
    """Microseconds per request, in the fastest round."""
    with TemporaryDirectory() as folder:
        one = cycle(Path(folder), told)
    best = float("inf")
    for _ in range(max(1, count // ROUND)):
        began = time.perf_counter()
        for _ in range(min(count, ROUND)):
            one()
        best = min(best, (time.perf_counter() - began) / min(count, ROUND))
    return best * 1e6


def run(code: Path, count: int, told: str, prefix: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-P", __file__, "--requests", str(count), "--told", told]
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONHASHSEED": "0"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def instructions(code: Path, told: str) -> float | None:
    """Per request, counted by callgrind: the same whatever else the machine does. None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counted = []
    for count in (1_000, 3_000):
        done = run(code, count, told, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"])
        found = re.search(r"Collected : (\d+)", done.stderr)
        assert found is not None, done.stderr
        counted.append(int(found[1]))
    return (counted[1] - counted[0]) / 2_000


def main() -> int:
    parser = argparse.ArgumentParser(description="What one small request costs in our own code.")
    parser.add_argument("--requests", type=int, help="only make so many, for a profiler")
    parser.add_argument("--told", default="nobody", choices=("nobody", "log", "traces", "unsampled"))
    options = parser.parse_args()
    if options.requests is not None:
        print(f"{asyncio.run(made(options.requests, options.told)):.2f}")
        return 0
    for name, code in BUILDS.items():
        if not (code / "proxy").exists():
            print(f"{name}: not there; make bench makes it")
            continue
        microseconds, counted = float(run(code, 40 * ROUND, options.told, []).stdout), instructions(code, options.told)
        print(f"{name}: {microseconds:.2f} µs" + (f", {counted:,.0f} instructions" if counted else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())

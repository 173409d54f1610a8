"""What other clients notice of 1,000 connections that send one byte of a head a second; takes less than 60 s.

Usage: python loadtests/slowloris.py
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from statistics import median

from bench.failure import BenchError
from bench.peers import TIDEGATE, peers, started
from bench.programs import find_programs
from bench.setting import Setting
from bench.wrk import Run, Wrk

SLOW_CLIENTS = 1_000
CONNECTIONS = 8
ROUNDS = 8
SECONDS = 2
SETTLE_SECONDS = 1.5
HEAD = b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: "


async def slow_clients(port: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(SLOW_CLIENTS):
            tasks.create_task(slow_client(port, number / SLOW_CLIENTS))


async def slow_client(port: int, delay: float) -> None:
    """Comes again when it is cut off; `delay` in seconds spreads them, as clients of their own would be."""
    await asyncio.sleep(delay)
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                await drip(writer)


async def drip(writer: asyncio.StreamWriter) -> None:
    for place in count():
        if writer.transport.is_closing():
            return
        writer.write(HEAD[place : place + 1] or b"x")
        await asyncio.sleep(1)


def run_slow_clients(port: int) -> None:
    asyncio.run(slow_clients(port))


@contextmanager
def slow_clients_running(port: int) -> Iterator[None]:
    process = multiprocessing.Process(target=run_slow_clients, args=(port,), daemon=True)
    process.start()
    try:
        time.sleep(SETTLE_SECONDS)
        yield
    finally:
        process.terminate()
        process.join()


def measure() -> tuple[list[Run], list[Run]]:
    """Runs without and with them, one of each in turn. Raises BenchError."""
    programs = find_programs()
    chosen = {TIDEGATE: peers(programs)[TIDEGATE]}
    wrk = Wrk(programs.wrk, connections=CONNECTIONS)
    alone: list[Run] = []
    beside: list[Run] = []
    with Setting(programs, chosen, False).nginx_backend() as port, started(chosen, port) as servers:
        server = servers[TIDEGATE]
        for _ in range(ROUNDS):
            alone.append(wrk.run(server, SECONDS))
            with slow_clients_running(server.port):
                beside.append(wrk.run(server, SECONDS))
    return alone, beside


def cpu_ms(run: Run) -> float:
    return run.cpu_seconds / run.requests * 1e3


def line(name: str, alone: Sequence[float], beside: Sequence[float]) -> str:
    """Medians, and the median of the rounds' ratios: the two runs of a round have had the same machine."""
    ratio = median(with_them / without for without, with_them in zip(alone, beside, strict=True))
    return f"{name}: {median(alone):.3f} ms alone, {median(beside):.3f} ms beside {SLOW_CLIENTS} slow, × {ratio:.2f}"


def main() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        alone, beside = measure()
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    print(line("p50", [run.p50_ms for run in alone], [run.p50_ms for run in beside]))
    print(line("p99", [run.p99_ms for run in alone], [run.p99_ms for run in beside]))
    print(line("CPU per request", list(map(cpu_ms, alone)), list(map(cpu_ms, beside))))
    print(f"errors: {sum(run.errors for run in alone)} alone, {sum(run.errors for run in beside)} beside them")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""All proxies at once, each with replicas of its own that serve one request at a time and count their overlap."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import uvloop
from bench.failure import BenchError
from bench.peers import script
from bench.process import Process, free_ports, running

from queueing.proxies import Command
from queueing.visits import Visits

STAGGER_SECONDS = 0.0137
"""Between the same request at two proxies, so that they do not all work in the same moment."""
BEGIN_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Contestant:
    """One proxy and the ports of its replicas."""

    name: str
    port: int
    replicas: Sequence[int]

    def overlaps(self) -> int:
        """How often a replica had more than one request at once, by its own count."""
        return sum(_statistics(port)["overlaps"] for port in self.replicas)


@contextmanager
def field(proxies: Mapping[str, Command], replicas: int) -> Iterator[Sequence[Contestant]]:
    """Raises BenchError if one does not start."""
    with TemporaryDirectory(prefix="tidegate-bench-") as place, ExitStack() as stack:
        ports = iter(free_ports(len(proxies) * (replicas + 1)))
        contestants = [Contestant(name, next(ports), [next(ports) for _ in range(replicas)]) for name in proxies]
        models = {
            port: _start(stack, f"replica {port}", Path(place), partial(_replica, port))
            for one in contestants
            for port in one.replicas
        }
        for port, model in models.items():
            model.await_answer(port, "/ready")
        for one in contestants:
            command = partial(proxies[one.name], port=one.port, replicas=one.replicas)
            _start(stack, one.name, Path(place), command).await_answer(one.port)
        yield contestants


def _start(stack: ExitStack, name: str, place: Path, command: Callable[[Path], list[str]]) -> Process:
    folder = place / name.replace(" ", "-")
    folder.mkdir()
    return stack.enter_context(running(name, command(folder), folder / "log"))


def _replica(port: int, _: Path) -> list[str]:
    return ["env", f"REPLICA_ID={port}", *script("fake_model.py", "--port", port, "--limit", 1)]


def _statistics(port: int) -> dict[str, int]:
    with urlopen(f"http://127.0.0.1:{port}/stats", timeout=5) as response:
        said: dict[str, int] = json.load(response)
        return said


def visit_all(
    contestants: Sequence[Contestant], arrivals: Sequence[float], services: Sequence[float]
) -> dict[str, Visits]:
    """The same requests at each of them. Raises BenchError if one breaks off."""
    visits = {one.name: Visits(f"http://127.0.0.1:{one.port}/") for one in contestants}

    async def run() -> None:
        begin = time.monotonic() + BEGIN_SECONDS
        async with asyncio.TaskGroup() as tasks:
            for place, one in enumerate(visits.values()):
                tasks.create_task(one.run(arrivals, services, begin + place * STAGGER_SECONDS))

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except* Exception as errors:
        raise BenchError(f"a request was broken off: {errors.exceptions[0]!r}") from None
    return visits

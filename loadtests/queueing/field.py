"""All proxies at once, each with replicas of its own that serve one request at a time and count their overlap."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from bench.peers import script
from bench.process import Process, free_ports, running
from open_loop import Sending, replay
from openloop.result import Result as Replayed
from openloop.sender import Request

from proxy.simulation.trace import Call
from queueing.proxies import Command

STAGGER_SECONDS = 0.0137
"""Between the same request at two proxies, so that they do not all work in the same moment."""
TIMEOUT_SECONDS = 300.0
SENDING = Sending(most_lag_seconds=0.25)  # waits count from the send itself, and the optimum's arrivals are the sends


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


def replay_at_all(contestants: Sequence[Contestant], calls: Sequence[Call]) -> dict[str, Replayed]:
    """The same calls at each of them at the same time. Raises BenchError if the generator is late."""
    with ThreadPoolExecutor(len(contestants)) as threads:
        running = {one.name: threads.submit(_replay, one.port, calls, place) for place, one in enumerate(contestants)}
        try:
            return {name: replayed.result() for name, replayed in running.items()}
        except BaseException:  # a signal's, too: the threads would wait for the generators to the end of the run
            for generator in multiprocessing.active_children():
                generator.terminate()
            raise


def _replay(port: int, calls: Sequence[Call], place: int) -> Replayed:
    """In a process of its own, a little later than the one before."""
    later = place * STAGGER_SECONDS
    calls = [Call(call.arrival + later, call.service) for call in calls]
    return replay(Request(f"http://127.0.0.1:{port}/", timeout_seconds=TIMEOUT_SECONDS), calls, SENDING)

"""The proxy under soak: `tidegate up` as a process, and what it says of itself and /proc of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

CONCURRENCY = 4
REPLICAS = 4
START_SECONDS = 15.0
END_SECONDS = 20.0
ANNOUNCED = re.compile(r"serving soak on http://127\.0\.0\.1:(\d+) \(admin http://127\.0\.0\.1:(\d+)\)")
REPLICA_IN_FLIGHT = re.compile(r"(?m)^tidegate_replica_in_flight\{.*\} (\S+)$")
CONFIG = """
[cerebrium.deployment]
name = "soak"

[cerebrium.runtime.custom]
entrypoint = ["{python}", "{server}", "$PORT", "{journal}"]
readycheck_endpoint = "/ready"

[cerebrium.scaling]
max_replicas = {replicas}
replica_concurrency = {concurrency}
cooldown = 5
evaluation_interval = 6
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """`descriptors` without connections; `clients` as the proxy has them, `ours` as we have them."""

    second: float
    in_flight: int
    queued: int
    replica_in_flight: int
    replicas: int
    clients: int
    ours: int
    links: int
    descriptors: int
    rss_bytes: int

    @property
    def slots(self) -> int:
        """Taken or waited for, or given back too often, whoever says so."""
        return abs(self.in_flight) + self.queued + abs(self.replica_in_flight)


class Proxy:
    """Raises RuntimeError if it does not start, or ends before its time."""

    def __init__(self, folder: Path) -> None:
        self._journal, self._log = folder / "journal", folder / "log"
        self._journal.touch()
        server = Path(__file__).with_name("soak_replica.py")
        config = CONFIG.format(
            python=sys.executable, server=server, journal=self._journal, replicas=REPLICAS, concurrency=CONCURRENCY
        )
        (folder / "cerebrium.toml").write_text(config)
        command = [sys.executable, "-m", "proxy", "up", str(folder), "--port", "0", "--admin-port", "0"]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._began = time.monotonic()
        self._process = psutil.Process(self._child.pid)

    def await_start(self) -> int:
        """Its data port."""
        while time.monotonic() < self._began + START_SECONDS and self._child.poll() is None:
            if announced := ANNOUNCED.search(self.log()):
                self._admin_port = int(announced[2])
                return int(announced[1])
            time.sleep(0.05)
        raise RuntimeError(f"tidegate did not start:\n{self.log()}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def events(self, name: str) -> list[tuple[int, float]]:
        """What replicas noted under this name: (pid, value)."""
        lines = (line.split() for line in self._journal.read_text().splitlines())
        return [(int(pid), float(value[0]) if value else 0) for pid, event, *value in lines if event == name]

    def sample(self, port: int, ours: int) -> Sample:
        if self._child.poll() is not None:
            raise RuntimeError(f"tidegate ended in the middle:\n{self.log()}")
        view = json.loads(self._get("/api/apps/soak"))
        connections = [one for one in self._process.net_connections("tcp") if one.status != psutil.CONN_LISTEN]
        ports = Counter(one.laddr.port for one in connections)
        return Sample(
            second=time.monotonic() - self._began,
            in_flight=view["in_flight"],
            queued=view["queue"]["length"],
            replica_in_flight=sum(int(float(value)) for value in REPLICA_IN_FLIGHT.findall(self._get("/metrics"))),
            replicas=len(view["replicas"]),
            clients=ports[port],
            ours=ours,
            links=len(connections) - ports[port] - ports[self._admin_port],
            descriptors=self._process.num_fds() - len(connections),
            rss_bytes=self._process.memory_info().rss,
        )

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._admin_port}{path}", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    def end(self) -> int:
        """Its exit code; -9 if it had to be killed."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(END_SECONDS)
        self._signal(signal.SIGKILL)
        return self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)

    def survivors(self) -> list[int]:
        """Replicas that outlived it; they are killed."""
        pids = []
        for pid, _ in self.events("start"):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if str(self._journal) in process.cmdline():
                    process.kill()
                    pids.append(pid)
        return pids


@contextmanager
def running(folder: Path) -> Iterator[Proxy]:
    proxy = Proxy(folder)
    try:
        yield proxy
    finally:
        proxy.end()
        proxy.survivors()

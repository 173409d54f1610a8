"""The proxy under faults: `tidegate up` as a process, and what it says of itself and /proc of it."""

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from chaos.journal import Journal

START_SECONDS = 30.0
END_SECONDS = 20.0
ANNOUNCED = re.compile(r"serving \S+ on http://127\.0\.0\.1:(\d+) \(admin http://127\.0\.0\.1:(\d+)\)")
REPLICA_IN_FLIGHT = re.compile(r"(?m)^tidegate_replica_in_flight\{.*\} (\S+)$")
TASKS = re.compile(r"(?m)^tidegate_tasks (\S+)$")
APP = "chaos"
REPLICA_SERVER = Path(__file__).with_name("replica.py")


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
    tasks: int
    rss_bytes: int

    @property
    def slots(self) -> int:
        """Taken or waited for, or given back too often, whoever says so."""
        return abs(self.in_flight) + self.queued + abs(self.replica_in_flight)


@dataclass(frozen=True, slots=True)
class Command:
    """How `tidegate up` is run; `prefix` stands before it, as strace's words do. `{folder}` in `env` is the app's."""

    arguments: Sequence[str] = ()
    prefix: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)


PLAIN = Command()


class Proxy:
    """Raises RuntimeError if it does not start, or ends before its time.

    `folder` holds the app, its state, the log and the replicas' journal.
    """

    def __init__(self, folder: Path, command: Command = PLAIN, port: int = 0) -> None:
        self.folder = folder
        self.journal = Journal(folder / "journal")
        self._log = folder / "log"
        self._start_of_log = self._log.stat().st_size if self._log.exists() else 0
        argv = [*command.prefix, sys.executable, "-m", "proxy", "up", str(folder), "--admin-port", "0"]
        own = {name: value.replace("{folder}", str(folder)) for name, value in command.env.items()}
        env = {**os.environ, "TIDEGATE_STATE": str(folder / "state"), **own}
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*argv, "--port", str(port), *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
            )
        self.began = time.monotonic()
        self.process = psutil.Process(self._child.pid)
        self.port = self._admin_port = 0

    def await_start(self) -> int:
        """Its data port."""
        while time.monotonic() < self.began + START_SECONDS and self._child.poll() is None:
            if announced := ANNOUNCED.search(self.log()):
                self.port, self._admin_port = int(announced[1]), int(announced[2])
                return self.port
            time.sleep(0.02)
        raise RuntimeError(f"tidegate did not start:\n{self.log()}")

    def log(self) -> str:
        """What this proxy has written; not that of one before it in the same folder."""
        with self._log.open("rb") as log:
            log.seek(self._start_of_log)
            return log.read().decode(errors="replace")

    def tracebacks(self) -> int:
        """In lines of its own, not in what replicas print."""
        return sum("Traceback" in line and '"tidegate.replica"' not in line for line in self.log().splitlines())

    def sample(self, ours: int = 0) -> Sample:
        view, metrics = self.view(), self.get("/metrics")
        connections = [one for one in self.process.net_connections("tcp") if one.status != psutil.CONN_LISTEN]
        ports = Counter(one.laddr.port for one in connections)
        tasks = TASKS.search(metrics)
        return Sample(
            second=time.monotonic() - self.began,
            in_flight=view["in_flight"],
            queued=view["queue"]["length"],
            replica_in_flight=sum(int(float(value)) for value in REPLICA_IN_FLIGHT.findall(metrics)),
            replicas=len(view["replicas"]),
            clients=ports[self.port],
            ours=ours,
            links=len(connections) - ports[self.port] - ports[self._admin_port],
            descriptors=self.process.num_fds() - len(connections),
            tasks=int(float(tasks[1])) if tasks else 0,
            rss_bytes=self.process.memory_info().rss,
        )

    def view(self) -> Any:  # a JSON document
        if self._child.poll() is not None:
            raise RuntimeError(f"tidegate ended in the middle:\n{self.log()}")
        return json.loads(self.get(f"/api/apps/{APP}"))

    def replica_pids(self) -> list[int]:
        """Of those that are ready."""
        return [one["pid"] for one in self.view()["replicas"] if one["state"] == "ready" and "pid" in one]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._admin_port}{path}", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    def kill(self) -> None:
        """The proxy alone, as `kill -9` does: what it started has to see that by itself."""
        self._child.kill()
        self._child.wait()

    def terminate(self) -> int:
        """SIGTERM to the proxy alone; its exit code, -9 if it had to be killed."""
        self._child.send_signal(signal.SIGTERM)
        return self._ended()

    def end(self) -> int:
        """Its exit code; -9 if it had to be killed."""
        self._signal(signal.SIGTERM)
        code = self._ended()
        self._signal(signal.SIGKILL)
        return code

    def _ended(self) -> int:
        try:
            return self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)

    def survivors(self) -> list[int]:
        """Replicas that outlived it; they are killed."""
        pids = []
        for pid in self.journal.started():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if str(self.journal.path) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    pids.append(pid)
        return pids


@contextmanager
def running(folder: Path, command: Command = PLAIN) -> Iterator[Proxy]:
    proxy = Proxy(folder, command)
    try:
        yield proxy
    finally:
        proxy.end()
        proxy.survivors()

"""A child process with its own children: what it costs, and its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from bench.failure import BenchError

START_SECONDS = 15.0
END_SECONDS = 3.0


class Process:
    """A running command, the leader of its own process group."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def cpu_seconds(self) -> float:
        """User and system time so far, of all processes of the tree."""
        times = (process.cpu_times() for process in self._tree())
        return float(sum(time.user + time.system for time in times))

    def rss_bytes(self) -> int:
        return sum(int(process.memory_info().rss) for process in self._tree())

    def _tree(self) -> list[psutil.Process]:
        leader = psutil.Process(self._child.pid)
        return [leader, *leader.children(recursive=True)]

    def await_answer(self, port: int, path: str = "/") -> None:
        """Return when GET of the path is answered 200. Raises BenchError with its last words if that takes too long."""
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self._child.poll() is None:
            if answers(port, path):
                return
            time.sleep(0.005)
        said = self._log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise BenchError(f"{self.name} did not answer on port {port}: {said[-1]}")

    def end(self) -> None:
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(END_SECONDS)
        self._signal(signal.SIGKILL)
        self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


@contextmanager
def running(name: str, command: Sequence[str], log: Path) -> Iterator[Process]:
    process = Process(name, command, log)
    try:
        yield process
    finally:
        process.end()


def answers(port: int, path: str = "/") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]


def free_port() -> int:
    return free_ports(1)[0]

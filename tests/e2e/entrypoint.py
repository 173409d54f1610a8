"""`python -m runtime` as a process: started, asked, signalled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.e2e.running import FAKE_SERVER, eventually, whole_lines

DEADLINE_SECONDS = 20.0
# As in an ENTRYPOINT: by the script of the command.
RUNTIME = (sys.executable, str(Path(sys.executable).with_name("tidegate")), "runtime")
FAKE = (sys.executable, "-I", "-S", FAKE_SERVER, "$PORT")

Reply = tuple[int, Any]  # the status, and a JSON document of any type


class Entrypoint:
    """One process 1; what it and its command print is in the file `log`."""

    def __init__(self, folder: Path, arguments: Sequence[str], before: Sequence[str] = (), **environment: str) -> None:
        self.folder = folder
        self._log = folder / "log"
        self._threads = ThreadPoolExecutor(32)
        with self._log.open("wb") as log:
            self.popen = subprocess.Popen(
                [*before, *RUNTIME, "--port", "0", *arguments],
                cwd=folder,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return whole_lines(self._log)

    @property
    def port(self) -> int:
        eventually(lambda: "gate on http://" in self.log or self.popen.poll() is not None)
        return int(self.log.split("gate on http://")[1].splitlines()[0].rpartition(":")[2])

    def ask(self, path: str, body: str | None = None) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            fields = {"content-type": "application/json"}
            connection.request("GET" if body is None else "POST", path, body, fields)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def later(self, path: str, body: str | None = None) -> Future[Reply]:
        return self._threads.submit(self.ask, path, body)

    def ready(self) -> Entrypoint:
        eventually(lambda: self.ask("/ready")[0] == 200)
        return self

    def command_pids(self) -> list[int]:
        """The processes that process 1 has started, without the guard and what is still to become one."""
        pids = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        lines = {int(pid): _command_line(pid) for pid in pids}
        own = _command_line(self.popen.pid)
        return [pid for pid, line in lines.items() if line not in (b"", own) and b"guard.py" not in line]

    def running(self, count: int) -> None:
        """Wait until so many requests are in flight."""
        eventually(lambda: self.ask("/ready")[1]["in_flight"] == count)

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def exit_code(self) -> int:
        return self.popen.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self._threads.shutdown()


Start = Callable[..., Entrypoint]


@contextmanager
def entrypoints(folder: Path) -> Iterator[Start]:
    """Starts process 1s in `folder`; the fake server is their command where nothing else is said."""
    started: list[Entrypoint] = []

    def start(*arguments: str, before: Sequence[str] = (), **environment: str) -> Entrypoint:
        words = arguments if "--" in arguments else (*arguments, "--", *FAKE, f"events={folder / 'events'}")
        started.append(Entrypoint(folder, words, before, **environment))
        return started[-1]

    try:
        yield start
    except BaseException:
        for each in started:
            sys.stderr.write(each.log)
        raise
    finally:
        for each in started:
            each.close()


def alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _command_line(pid: int | str) -> bytes:
    """Empty where the process has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""

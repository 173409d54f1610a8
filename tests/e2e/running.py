"""The real command `tidegate up` as a process, apps for it, and requests to it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
FAKE_SERVER = str(Path(__file__).with_name("fake_server.py"))
DEADLINE_SECONDS = 20.0
SOON_SECONDS = 5.0  # what takes a second at most, on a machine that is busy with something else, too


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:  # JSON documents are of any type
        return json.loads(self.body)


class Up:
    """One running proxy; its log is in a file."""

    def __init__(self, process: subprocess.Popen[str], announced: str, log: Path) -> None:
        self.process = process
        self.announced = announced
        self._log = log
        words = announced.removesuffix(")").split()
        self.url, self.admin = words[-3], words[-1]
        self._threads = ThreadPoolExecutor(8)

    def get(self, path: str, **headers: str) -> Answer:
        return self.get_all([path], **headers)[0]

    def get_all(self, paths: Sequence[str], **headers: str) -> list[Answer]:
        """All at once, each over a connection of its own."""
        return asyncio.run(_get_all([self.url + path for path in paths], headers))

    def later(self, path: str) -> Future[Answer]:
        return self._threads.submit(self.get, path)

    def view(self, app: str = "demo") -> Any:
        return asyncio.run(_get_all([f"{self.admin}/api/apps/{app}"], {}))[0].json

    def states(self, app: str = "demo") -> list[str]:
        return [replica["state"] for replica in self.view(app)["replicas"]]

    def failures(self, app: str = "demo") -> Any:
        return asyncio.run(_get_all([f"{self.admin}/api/apps/{app}/failures"], {}))[0].json

    def log(self) -> str:
        """Its whole lines: of one that is being written a part may be in the file."""
        return whole_lines(self._log)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


async def _get_all(urls: Sequence[str], headers: dict[str, str]) -> list[Answer]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        return await asyncio.gather(*(_get(session, url) for url in urls))


async def _get(session: aiohttp.ClientSession, url: str) -> Answer:
    began = time.monotonic()
    async with session.get(url) as response:
        body = await response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, body, time.monotonic() - began)


def write_app(folder: Path, toml: str = "", name: str = "demo", server: str = "", entrypoint: str = "") -> Path:
    """An app that runs the fake server with the options `server`; its events are in the file FOLDER/events."""
    folder.mkdir(exist_ok=True)
    command = f"{sys.executable} -I -S {FAKE_SERVER} $PORT events={folder / 'events'} {server}"
    (folder / "events").touch()
    (folder / "cerebrium.toml").write_text(
        f'[cerebrium.deployment]\nname = "{name}"\n[cerebrium.runtime.custom]\nentrypoint = "{entrypoint or command}"\n'
        + toml
    )
    return folder


def events(folder: Path, event: str) -> list[str]:
    """The ids of the processes that had it, once for each time."""
    pairs = [line.split(" ", 1) for line in whole_lines(folder / "events").splitlines()]
    return [pid for pid, name in pairs if name == event]


def whole_lines(file: Path) -> str:
    """Of a file that somebody writes to."""
    lines, newline, _ = file.read_bytes().rpartition(b"\n")
    return (lines + newline).decode()


@contextmanager
def running(folder: Path, *arguments: object) -> Iterator[Up]:
    """`tidegate up` on free ports, with the app in `folder` unless apps are among the arguments; SIGKILL at the end."""
    log = folder / "log"
    words = [str(argument) for argument in arguments] or [str(folder)]
    argv = [TIDEGATE, "up", "--port", "0", "--admin-port", "0", *words]
    environment = {"TIDEGATE_STATE": str(folder / "state"), **os.environ}  # nothing of the user's own is touched
    with (
        log.open("w") as stderr,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            assert select.select([process.stdout], [], [], DEADLINE_SECONDS)[0], "nothing announced"
            announced = process.stdout.readline()
            assert announced, log.read_text()
            up = Up(process, announced.rstrip("\n"), log)
            yield up
            up._threads.shutdown()
        except BaseException:
            sys.stderr.write(log.read_text())  # pytest shows it with the failure
            raise
        finally:
            process.kill()


def eventually(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)

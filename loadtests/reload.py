"""Reloads and roll-outs under load: not one request may be lost.

8 clients with kept connections, 8 with a new connection for each request, 4 that send their request slowly and wait for
a slow answer, 4 that read event streams, all by POST, which nobody repeats, while `tidegate up` reloads another setting
and rolls its replicas over.

Usage: python loadtests/reload.py [--reloads 20] [--rollouts 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from reload_server import PIECES

TIDEGATE = Path(sys.executable).with_name("tidegate")
SERVER = Path(__file__).with_name("reload_server.py")
CLIENTS = {"kept": 8, "new": 8, "slow": 4, "stream": 4}
APP = """
[cerebrium.deployment]
name = "reloaded"
[cerebrium.runtime.custom]
entrypoint = ["{python}", "{server}"]
[cerebrium.scaling]
min_replicas = 2
max_replicas = 2
replica_concurrency = 32
[tidegate.queue]
max_length = {queue}
[tidegate.env]
REVISION = "{revision}"
"""
_PATIENCE_SECONDS = 60.0


@dataclass
class Outcome:
    """By kind of client, what came of its requests; `seconds` of each roll-out."""

    answers: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in CLIENTS})
    rollouts: list[float] = field(default_factory=list)
    reloads: int = 0

    @property
    def requests(self) -> int:
        return sum(counter.total() for counter in self.answers.values())

    @property
    def lost(self) -> int:
        return self.requests - sum(counter["whole"] for counter in self.answers.values())

    def __str__(self) -> str:
        rows = [f"{kind:8} {counter.total():8} {counter.total() - counter['whole']:6}" for kind, counter in self]
        longest = max(self.rollouts, default=0.0)
        head = f"{self.reloads} reloads, {len(self.rollouts)} roll-outs (the longest {longest:.2f} s)"
        return "\n".join([head, "client   requests   lost", *rows, f"{'all':8} {self.requests:8} {self.lost:6}"])

    def __iter__(self) -> Any:  # pairs of kind and counter
        return iter(self.answers.items())


class Client:
    """Asks one request after the other until it is told to stop."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def kept(self) -> bool:
        if self._kept is None:
            self._kept = await asyncio.open_connection(*self._address)
        reader, writer = self._kept
        writer.write(_head("/fast", ""))
        return await _whole(reader)

    async def new(self) -> bool:
        return await self._over_new("/fast")

    async def slow(self) -> bool:
        """Its body comes in pieces, over half a second."""
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            head, body = _head("/slow", "connection: close\r\n"), b"{}"
            for piece in (head[: -len(body)], body[:1], body[1:]):
                writer.write(piece)
                await asyncio.sleep(0.25)
            return await _whole(reader)
        finally:
            writer.close()

    async def stream(self) -> bool:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(_head("/stream", "connection: close\r\n"))
            answer = await reader.read(-1)
            return (
                answer.startswith(b"HTTP/1.1 200")
                and answer.count(b"data: ") == PIECES
                and answer.endswith(b"\r\n0\r\n\r\n")
            )
        finally:
            writer.close()

    async def _over_new(self, path: str) -> bool:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(_head(path, "connection: close\r\n"))
            return await _whole(reader)
        finally:
            writer.close()


def _head(path: str, fields: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: test\r\n{fields}content-length: 2\r\n\r\n{{}}".encode()


async def _whole(reader: asyncio.StreamReader) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200") and await reader.readexactly(4) == b"done"


class Trial:
    """A running `tidegate up`, its clients, and the reloads under them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queue, self._revision = 1000, 0
        self.outcome = Outcome()
        self._over = False

    async def run(self, reloads: int, rollouts: int) -> Outcome:
        self._write()
        process = await asyncio.create_subprocess_exec(
            *(str(TIDEGATE), "up", "--port", "0", "--admin-port", "0", str(self._folder)),
            env=os.environ | {"TIDEGATE_STATE": str(self._folder / "state")},
            stdout=asyncio.subprocess.PIPE,
            stderr=(self._folder / "log").open("wb"),
        )
        try:
            assert process.stdout is not None
            words = (await process.stdout.readline()).decode().rstrip(")\n").split()
            self._admin = words[-1]
            await self._under_load(words[-3], reloads, rollouts)
        finally:
            process.terminate()
            await process.wait()
        return self.outcome

    async def _under_load(self, url: str, reloads: int, rollouts: int) -> None:
        host, _, port = url.removeprefix("http://").removesuffix("/").rpartition(":")
        async with asyncio.TaskGroup() as tasks:
            for kind, count in CLIENTS.items():
                for client in (Client(host, int(port)) for _ in range(count)):
                    tasks.create_task(self._ask(kind, getattr(client, kind)))
            for number in range(max(reloads, rollouts)):
                if number < reloads:
                    await self._reload()
                if number < rollouts:
                    await self._roll_out()
            self._over = True

    async def _ask(self, kind: str, ask: Callable[[], Awaitable[bool]]) -> None:
        while not self._over:
            try:
                whole = await ask()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.outcome.answers[kind][type(error).__name__] += 1
                return  # what is broken stays broken: one loss is enough
            self.outcome.answers[kind]["whole" if whole else "broken"] += 1

    async def _reload(self) -> None:
        self._queue += 1
        self._write()
        changed = await self._post()
        assert changed["apps"][0]["changed"] == ["queue.max_length"], changed
        self.outcome.reloads += 1
        await asyncio.sleep(0.2)

    async def _roll_out(self) -> None:
        self._revision += 1
        self._write()
        began = time.monotonic()
        await self._post()
        done = {"number": self._revision + 1, "state": "in service", "reason": ""}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            # What another process does is told only to those who ask.
            while (await self._view())["revision"] != done:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        self.outcome.rollouts.append(time.monotonic() - began)

    def _write(self) -> None:
        text = APP.format(python=sys.executable, server=SERVER, queue=self._queue, revision=self._revision)
        (self._folder / "cerebrium.toml").write_text(text)

    async def _post(self) -> Any:  # JSON documents are of any type
        return await asyncio.to_thread(_json, Request(f"{self._admin}/api/reload", b"{}", method="POST"))

    async def _view(self) -> Any:
        return await asyncio.to_thread(_json, Request(f"{self._admin}/api/apps/reloaded"))


def _json(request: Request) -> Any:  # JSON documents are of any type
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--rollouts", type=int, default=20)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        outcome = asyncio.run(Trial(Path(folder)).run(given.reloads, given.rollouts))
    print(outcome)
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())

"""Restarts of the container entrypoint under streaming load, as an orchestrator rolls out a new version.

The next one is started; once it is ready it gets all new requests, and the one before gets SIGTERM with its streams
still running. The server behind the gate aborts on SIGTERM. Every stream has to come to its clean end.

Usage: python loadtests/rolling_restarts.py [--restarts 100] [--clients 16]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SERVER = Path(__file__).with_name("streaming_server.py")
REQUEST = b"POST /generate HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
LAST = b"data: 19\n\n\r\n0\r\n\r\n"
READY_SECONDS = 30.0


@dataclass
class Outcome:
    """`running` is how many streams the gates had when they got SIGTERM."""

    answers: Counter[str] = field(default_factory=Counter)
    running: list[int] = field(default_factory=list)
    exit_codes: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return self.answers.total() - self.answers["whole"]

    def __str__(self) -> str:
        streams = f"{self.answers.total()} streams, {self.failed} failed"
        running = f"{min(self.running)} to {max(self.running)} ran or waited at SIGTERM"
        restarts = f"{len(self.running)} restarts in {self.seconds:.0f} s"
        return f"{restarts}: {streams}; {running}; exit codes {dict(self.exit_codes)}"


class Gate:
    """One entrypoint, with `open` requests that it was given and has not answered."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.open = 0
        self._unsent = 0
        self._sent = asyncio.Event()
        self._sent.set()

    @classmethod
    async def start(cls) -> Gate:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "runtime", "--host", "127.0.0.1", "--port", "0"),
            *("--limit", "8", "--", sys.executable, str(SERVER), "$PORT"),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        said = ""
        async with asyncio.timeout(READY_SECONDS):
            while "is ready after" not in said and (line := await process.stderr.readline()):
                said += line.decode()
        return cls(process, int(said.split("gate on http://")[1].splitlines()[0].rpartition(":")[2]))

    async def ask(self) -> str:
        self._unsent += 1
        self._sent.clear()
        self.open += 1
        try:
            reader, writer = await self._asked()
            answer = await reader.read()
            writer.close()
        except OSError as error:
            return type(error).__name__
        finally:
            self.open -= 1
        return "whole" if answer.startswith(b"HTTP/1.1 200") and answer.endswith(LAST) else answer[:12].decode()

    async def _asked(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Over a connection of its own; one that cannot be had is waited for no more, either."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(REQUEST)
            return reader, writer
        finally:
            self._unsent -= 1
            if not self._unsent:
                self._sent.set()

    async def retire(self) -> int:
        """It gets no more requests: SIGTERM, once those that it was given have left; returns its exit code."""
        await self._sent.wait()
        self.process.terminate()
        return await self.process.wait()


class Rollout:
    """Clients that ask the current gate, one stream after another, and the restarts under them."""

    def __init__(self) -> None:
        self._ending = False
        self.outcome = Outcome()

    async def run(self, restarts: int, clients: int) -> Outcome:
        began = time.monotonic()
        self._gate = await Gate.start()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(clients):
                tasks.create_task(self._client())
            for _ in range(restarts):
                following = await Gate.start()
                previous, self._gate = self._gate, following
                self.outcome.running.append(previous.open)
                self.outcome.exit_codes[await previous.retire()] += 1
            self._ending = True
        await self._gate.retire()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _client(self) -> None:
        while not self._ending:
            self.outcome.answers[await self._gate.ask()] += 1


def roll(restarts: int, clients: int) -> Outcome:
    return asyncio.run(Rollout().run(restarts, clients))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--clients", type=int, default=16)
    given = parser.parse_args()
    outcome = roll(given.restarts, given.clients)
    print(outcome, dict(outcome.answers))
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())

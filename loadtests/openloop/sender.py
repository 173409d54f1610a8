"""One process that sends requests when they are due."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools
import orjson
from bench.failure import BenchError

from openloop.result import Sample
from proxy.simulation.trace import Call

SWEEP_SECONDS = 0.2
# uvloop's clock has whole milliseconds, and what it rounds down to none would be a busy wait beside what is measured.
TICK_SECONDS = 0.0006
# A generator so late has no result to give: it sends no more.
HOPELESS_SECONDS = 5.0
# After so many sends in one turn of the loop, answers are looked at, however late it is.
SENDS_AT_ONCE = 64


@dataclass(frozen=True)
class Request:
    """What is sent; a call with a service time says it in x-service-seconds. Raises BenchError for no URL of HTTP."""

    url: str
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname:
            raise BenchError(f"{self.url} is no address to send to: write http://HOST:PORT/PATH")

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def head(self) -> bytes:
        """Without its last line."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"host": parts.netloc, "content-type": "application/json", **self.headers}
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, f"content-length: {len(self.body)}", ""]).encode("latin-1")


class Told(NamedTuple):
    """What a server says of its own service: how long it took, when it began by the monotonic clock, and where."""

    took: float
    began: float
    replica: str


UNTOLD = Told(math.nan, math.nan, "")


@dataclass(slots=True, eq=False)
class Job:
    """A call that was sent at `sent`, seconds of the monotonic clock as `due`."""

    call: Call
    due: float
    sent: float
    line: Line | None = None

    def sample(self, begin: float, ended: float, status: int, error: str, told: Told) -> Sample:
        """Latency counts from the moment due: being sent late is no excuse. `begin` is when the schedule began."""
        lag, latency, began = self.sent - self.due, ended - self.due, told.began - begin
        return Sample(self.call.arrival, lag, latency, told.took, status, error, began, told.replica)


class Line(asyncio.Protocol):
    """One connection, which carries one request at a time."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._parser = httptools.HttpResponseParser(self)
        self._job: Job | None = None
        self._fresh, self._touched = True, False
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's inherits from nothing

    def send(self, job: Job, data: bytes) -> None:
        self._job, job.line = job, self
        self._touched, self._body = False, b""
        self._transport.write(data)

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._touched = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("no HTTP")
            self._transport.abort()

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        job, self._job = self._job, None
        self._fresh = False
        if self._parser.should_keep_alive():
            self._sender.idle[self] = None
        else:
            self._transport.close()
        if job:
            self._sender.ended(job, self._parser.get_status_code(), told=_told(self._body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.idle.pop(self, None)
        if self._job and not (self._fresh or self._touched) and not isinstance(exc, TimeoutError):
            # The server closed an idle connection at that very moment: as every client, on another one.
            job, self._job = self._job, None
            self._sender.open(job)
        self._fail("reset" if isinstance(exc, ConnectionResetError) else "cut")

    def _fail(self, error: str) -> None:
        job, self._job = self._job, None
        if job:
            self._sender.ended(job, 0, error)


class Sender:
    """The calls of one process, their connections and what became of them."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._head = request.head()
        self._samples: list[Sample] = []
        self._pending: dict[Job, None] = {}
        self._tasks = asyncio.TaskGroup()
        self._begin = 0.0
        self._all_sent, self._done = False, asyncio.Event()
        self.idle: dict[Line, None] = {}

    async def run(self, calls: Sequence[Call], begin: float) -> list[Sample]:
        """`calls` in the order of their arrival after `begin`, seconds of the monotonic clock."""
        self._begin = begin
        async with self._tasks:
            sweeping = self._tasks.create_task(self._sweep())
            await self._pace(calls)
            self._all_sent = True
            if self._pending:
                await self._done.wait()
            sweeping.cancel()
            for line in list(self.idle):
                line.abort()
        return self._samples

    async def _pace(self, calls: Sequence[Call]) -> None:
        place = 0
        while place < len(calls):
            now = time.monotonic()
            if now - self._begin - calls[place].arrival > HOPELESS_SECONDS:
                return
            for call in calls[place : place + SENDS_AT_ONCE]:
                if self._begin + call.arrival > now:
                    break
                self._start(call)
                place += 1
            if place < len(calls):
                left = self._begin + calls[place].arrival - time.monotonic()
                await asyncio.sleep(max(left, TICK_SECONDS) if left > 0 else 0)

    def _start(self, call: Call) -> None:
        job = Job(call, self._begin + call.arrival, time.monotonic())
        self._pending[job] = None
        if self.idle:
            self.idle.popitem()[0].send(job, self._bytes(call))
        else:
            self.open(job)

    def open(self, job: Job) -> None:
        """Send it over a connection of its own."""
        self._tasks.create_task(self._open(job))

    async def _open(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._request.timeout_seconds):
                _, line = await loop.create_connection(lambda: Line(self), *self._request.address)
        except OSError as error:  # TimeoutError is one
            self.ended(job, 0, "timeout" if isinstance(error, TimeoutError) else _reason(error))
            return
        line.send(job, self._bytes(job.call))

    def _bytes(self, call: Call) -> bytes:
        said = b"" if math.isnan(call.service) else b"x-service-seconds: %.6f\r\n" % call.service
        return b"%b%b\r\n%b" % (self._head, said, self._request.body)

    def ended(self, job: Job, status: int, error: str = "", told: Told = UNTOLD) -> None:
        if job in self._pending:
            del self._pending[job]
            self._samples.append(job.sample(self._begin, time.monotonic(), status, error, told))
            if self._all_sent and not self._pending:
                self._done.set()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for job in list(self._late()):
                self.ended(job, 0, "timeout")
                if job.line:
                    job.line.abort()

    def _late(self) -> Iterator[Job]:
        """They are in the order in which they were sent."""
        limit = time.monotonic() - self._request.timeout_seconds
        for job in self._pending:
            if job.sent > limit:
                return
            yield job


def _reason(error: OSError) -> str:
    return "refused" if isinstance(error, ConnectionRefusedError) else error.strerror or type(error).__name__


def _told(body: bytes) -> Told:
    """As the fake model server says it."""
    if not body.startswith(b"{") or b"took_seconds" not in body:
        return UNTOLD
    try:
        said = orjson.loads(body)
        return Told(float(said["took_seconds"]), float(said.get("began", math.nan)), str(said.get("replica")))
    except (ValueError, TypeError, KeyError):
        return UNTOLD

"""The soak's traffic: one coroutine for each kind of client, polite or not."""

from __future__ import annotations

import asyncio
import itertools
import time
import zlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from chaos.client import Client, Wrong

KEPT_CONNECTIONS = 16
LARGEST_BODY = 1 << 20
REQUEST_SECONDS = 90.0  # above the longest pause between starts of a replica that crashes
MALFORMED = (
    (b"GET /small HTTP/1.1\r\nhost: soak\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc", 400),
    (b"POST /small HTTP/1.1\r\nhost: soak\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /upload/0 HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n", 400),
    (b"GET /small HTTP/1.1\r\nhost: soak\r\nno colon\r\n\r\n", 400),
    (b"GET /small HTTP/1.1\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    (b"GET /small HTTP/1.1\r\nhost: soak\r\nx-long: " + b"x" * 70000 + b"\r\n\r\n", 431),
)


@dataclass(frozen=True, slots=True)
class Mishap:
    """Times in seconds of time.monotonic."""

    kind: str
    began: float
    ended: float
    what: str


class Traffic:
    """Owns the kept connections and what came of all requests."""

    def __init__(self, port: int, random: Random) -> None:
        self.mishaps: list[Mishap] = []
        self.done: Counter[str] = Counter()
        self._port = port
        self._random = random
        self._kept: deque[Client] = deque()
        self._numbers = itertools.count()

    @property
    def open_connections(self) -> int:
        self._kept = deque(client for client in self._kept if not client.ended)
        return len(self._kept)

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()

    async def visitor(self, ends: float) -> None:
        """One job after the other until `ends`."""
        kinds, weights = zip(*JOBS.items(), strict=True)
        while time.monotonic() < ends:
            await self.do(self._random.choices(kinds, weights)[0])
            await asyncio.sleep(self._random.uniform(0, 0.2))

    async def do(self, job: Job) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await job(self)
        except (Wrong, OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            what = f"{type(error).__name__}: {error}"
            self.mishaps.append(Mishap(job.__name__, began, time.monotonic(), what))
        self.done[job.__name__] += 1

    @asynccontextmanager
    async def _client(self, reset: bool = False) -> AsyncIterator[Client]:
        client = await Client.connect(self._port)
        try:
            yield client
        finally:
            client.close(reset)

    async def small(self) -> None:
        """Several over a connection that is kept, also through the pauses."""
        client = self._kept.popleft() if self._kept else None
        if client is None or client.ended:
            client = await Client.connect(self._port)
        try:
            for _ in range(10):
                path = self._path("small")
                (await client.ask(head("GET", path))).expect(200, path.encode())
        except BaseException:
            client.close()
            raise
        if len(self._kept) < KEPT_CONNECTIONS:
            self._kept.append(client)
        else:
            client.close()

    async def slow_replica(self) -> None:
        path = self._path("slow", self._random.uniform(0.1, 1))
        await self._expect(head("GET", path), 200, path.encode())

    async def replica_error(self) -> None:
        await self._expect(head("POST", self._path("error"), "content-length: 0"), 500)

    async def replica_reset(self) -> None:
        """A reset before the head is a 502, one after it a cut body: never an answer that looks complete."""
        count = self._random.choice((0, 1000, 200_000))
        async with self._client() as client:
            await client.send(head("POST", self._path("reset", count), "content-length: 0"))
            try:
                answer = await client.answer()
            except (OSError, EOFError):
                if count:
                    return
                raise
        answer.expect(502)

    async def replica_crash(self) -> None:
        async with self._client() as client:
            await client.send(head("POST", self._path("crash"), "content-length: 5") + b"ab")
            (await client.answer()).expect(502)

    async def post(self) -> None:
        body = self._body()
        fields = f"content-length: {len(body)}"
        await self._expect(head("POST", self._path("upload", 0), fields) + body, 200, checksum(body))

    async def chunked_post(self) -> None:
        body = self._body()
        pause = self._random.choice((0, 0.005))  # a slow replica must slow its client down
        async with self._client() as client:
            await client.send(head("POST", self._path("upload", pause), "transfer-encoding: chunked"))
            start = 0
            while start < len(body):
                piece = body[start : start + self._random.randint(1, 100_000)]
                start += len(piece)
                await client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            (await client.ask(b"0\r\n\r\n")).expect(200, checksum(body))

    async def event_stream(self) -> None:
        count = self._random.randint(1, 50)
        body = b"".join(b"data: %d\n\n" % number for number in range(count))
        await self._expect(head("GET", self._path("events", count)), 200, body)

    async def slow_reader(self) -> None:
        count = self._random.randint(1 << 18, 1 << 21)
        async with self._client() as client:
            await client.send(head("GET", self._path("bytes", count)))
            (await client.answer(pause_seconds=0.03)).expect(200, bytes(count))

    async def pipelined(self) -> None:
        paths = [self._path(action) for action in ("small", "slow/0.05", "small", "deaf/0.02", "small")]
        async with self._client() as client:
            await client.send(b"".join(head("GET", path) for path in paths))
            for path in paths:
                (await client.answer()).expect(200, path.encode())

    async def malformed(self) -> None:
        data, status = self._random.choice(MALFORMED)
        async with self._client() as client:
            await client.send(data)
            try:
                (await client.answer()).expect(status)
            except (OSError, EOFError) as error:
                raise Wrong(f"{error} for {data[:100]!r}") from None
            if after := await client.end():
                raise Wrong(f"{after[:40]!r} came after the answer to {data[:100]!r}")

    async def upgrade(self) -> None:
        async with self._client() as client:
            (await client.ask(head("GET", self._path("echo"), "connection: upgrade\r\nupgrade: echo"))).expect(101)
            for _ in range(self._random.randint(1, 10)):
                message = self._random.randbytes(self._random.randint(1, 10_000))
                await client.send(message)
                if await client.exactly(len(message)) != message:
                    raise Wrong("the tunnel changed what went through it")
                await asyncio.sleep(0.02)

    async def leaver(self) -> None:
        """Goes away in the queue, in the upload or in the answer, by a close or a reset."""
        body = self._body()
        fields = f"content-length: {len(body)}"
        data = self._random.choice(
            (
                head("GET", self._path("slow", 0.5)),
                head("POST", self._path("deaf", 0.5), "content-length: 0"),
                head("GET", self._path("events", 40)),
                head("GET", self._path("bytes", 1 << 20)),
                head("POST", self._path("upload", 0.005), fields) + body[: self._random.randint(0, len(body))],
            )
        )
        async with self._client(reset=self._random.random() < 0.5) as client:
            await client.send(data)
            await asyncio.sleep(self._random.uniform(0, 0.3))

    async def _expect(self, data: bytes, status: int, body: bytes | None = None) -> None:
        async with self._client() as client:
            (await client.ask(data)).expect(status, body)

    def _path(self, action: str, value: float | None = None) -> str:
        """No other request has it, so that an answer tells whose it is."""
        return f"/{action}{'' if value is None else f'/{value}'}/?{next(self._numbers)}"

    def _body(self) -> bytes:
        return self._random.randbytes(int(LARGEST_BODY * self._random.random() ** 3))


Job = Callable[[Traffic], Awaitable[None]]
JOBS: dict[Job, int] = {  # how often each, relative to the others
    Traffic.small: 30,
    Traffic.slow_replica: 5,
    Traffic.replica_error: 5,
    Traffic.replica_reset: 5,
    Traffic.post: 12,
    Traffic.chunked_post: 8,
    Traffic.event_stream: 6,
    Traffic.slow_reader: 4,
    Traffic.pipelined: 8,
    Traffic.malformed: 8,
    Traffic.upgrade: 5,
    Traffic.leaver: 20,
}


def head(method: str, path: str, fields: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: soak", *filter(None, [fields]), "\r\n"]
    return "\r\n".join(lines).encode()


def checksum(body: bytes) -> bytes:
    return b"%d %d" % (len(body), zlib.crc32(body))

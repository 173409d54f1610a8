"""A replica that announces keep-alive and silently closes after every event stream, as llama.cpp's server does."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
from collections import Counter
from collections.abc import Sequence
from typing import cast

from tests.e2e.scene import Client, Run, Scene, eventually, run_fixture, scene

__all__ = ["run_fixture"]  # makes it known here

CLIENTS = 8
REQUESTS_EACH = 300
JSON_BETWEEN_STREAMS = 3
LONGEST_PAUSE_SECONDS = 0.003
EVENTS = 3
LAST_CHUNK = b"0\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"connection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n"
)


class SilentServer:
    """Listens on 127.0.0.1:`port`; `read`: how often each request's id was read, be the rest of it read or not."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self.read: Counter[int] = Counter()
        self.random = random.Random(seed)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SilentConnection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


class SilentConnection(asyncio.Protocol):
    """Answers one request at a time; after an event stream it reads no more, and closes now or a little later."""

    def __init__(self, server: SilentServer) -> None:
        self._server = server
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._data = b""
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, _, body = self._data.partition(b"\r\n\r\n")
        named = re.match(rb'{"id": (\d+),', body)
        if named and not self._counted:
            self._counted = True
            self._server.read[int(named[1])] += 1
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if named and length and len(body) == int(length[1]):
            self._data, self._counted = b"", False
            self._answer(json.loads(body))

    def _answer(self, asked: dict[str, int]) -> None:
        if asked["stream"]:
            self._transport.write(STREAM_HEAD)
            self._event(asked["id"], EVENTS)
        else:
            said = b'{"id": %d}' % asked["id"]
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said))

    def _event(self, number: int, left: int) -> None:
        if left:
            event = b"data: %d\n\n" % number
            self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
            asyncio.get_running_loop().call_later(0.001, self._event, number, left - 1)
        else:
            self._end()

    def _end(self) -> None:
        transport, chance = self._transport, self._server.random
        transport.pause_reading()
        how = chance.choice(("one segment", "at once", "later"))
        if how == "one segment":
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        transport.write(LAST_CHUNK)
        if how == "later":
            pause = chance.uniform(0, LONGEST_PAUSE_SECONDS)
            asyncio.get_running_loop().call_later(pause, transport.close)
        else:
            transport.close()


async def ask(client: Client, number: int, stream: bool) -> str:
    """What went wrong with one POST; "" if its answer is whole."""
    body = json.dumps({"id": number, "stream": stream}).encode()
    client.send("/v1/chat/completions", body)
    try:
        head = await client.reader.readuntil(b"\r\n\r\n")
        if stream and b"chunked" in head:
            answer = await client.reader.readuntil(LAST_CHUNK)
        else:
            length = re.search(rb"(?i)content-length: (\d+)", head)
            answer = await client.reader.readexactly(int(length[1]) if length else 0)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        return f"{number}: {error!r}"
    whole = answer.count(b"%d" % number) == (EVENTS if stream else 1)
    return "" if head.startswith(b"HTTP/1.1 200 ") and whole else f"{number}: {(head + answer).decode()}"


async def visit(house: Scene, numbers: Sequence[int]) -> list[str]:
    """One client connection's requests; what went wrong with them."""
    client = await house.connect()
    lost = []
    for place, number in enumerate(numbers):
        if wrong := await ask(client, number, place % (JSON_BETWEEN_STREAMS + 1) == JSON_BETWEEN_STREAMS):
            lost.append(wrong)
            client = await house.connect()
    return lost


def test_no_request_is_lost_or_sent_twice_to_a_replica_that_silently_closes_after_event_streams(run: Run) -> None:
    async def scenario() -> None:
        server = SilentServer(seed=1)
        await server.open()
        async with scene(limits=()) as house:
            house.app.ready(CLIENTS, "127.0.0.1", server.port)
            parts = [range(n * REQUESTS_EACH, (n + 1) * REQUESTS_EACH) for n in range(CLIENTS)]
            visits = await asyncio.gather(*(visit(house, numbers) for numbers in parts))
            await eventually(lambda: not house.app.pool.in_flight)
            server.close()
        assert [lost for visit in visits for lost in visit] == []
        assert server.read == Counter(range(CLIENTS * REQUESTS_EACH))
        assert house.app.statuses == {200: CLIENTS * REQUESTS_EACH}

    run(scenario())

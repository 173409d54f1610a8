"""A replica on a real socket that counts what it is asked at once, and does what the request's path says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

from proxy.net import ending


class ReplicaServer:
    """Answers on 127.0.0.1:`port`; `most`: requests at once so far; `seen`: targets in the order they came."""

    def __init__(self) -> None:
        self.port = 0
        self.busy = 0
        self.most = 0
        self.seen: list[str] = []
        self.bodies: list[int] = []
        self._server: asyncio.Server | None = None
        self._connections: set[ReplicaConnection] = set()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        made = partial(ReplicaConnection, self)
        # Not served from before it is ours to close: asyncio would leave it listening if cancelled in between.
        self._server = await loop.create_server(made, "127.0.0.1", self.port, backlog=512, start_serving=False)
        self.port = self._server.sockets[0].getsockname()[1]
        await self._server.start_serving()

    def refuse(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        self.refuse()
        for connection in list(self._connections):
            connection.transport.abort()

    def stall(self, stalled: bool) -> None:
        """Read nothing for now, or go on."""
        for connection in self._connections:
            (connection.transport.pause_reading if stalled else connection.transport.resume_reading)()

    def break_off(self) -> None:
        """Reset every connection."""
        for connection in list(self._connections):
            ending.reset(connection.transport)

    def joined(self, connection: ReplicaConnection) -> None:
        self._connections.add(connection)

    def left(self, connection: ReplicaConnection) -> None:
        self._connections.discard(connection)


class ReplicaConnection(asyncio.Protocol):
    """/quick; /sleep/MS notices a half-close, /deaf/MS does not; /stream/COUNT notices, /flood never stops;
    /reset in the middle, /close without an answer; /bytes/COUNT; /sink says the length of the body; /echo tunnels.
    """

    def __init__(self, server: ReplicaServer) -> None:
        self.server = server
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self.half_closed = False
        self.tunnelled: bytearray | None = None
        self._buffer = b""
        self._body_left = 0
        self._answer: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heeds = True
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.joined(self)

    def data_received(self, data: bytes) -> None:
        if self.tunnelled is not None:
            self.tunnelled += data
            self.transport.write(data)
        elif self._answer is not None:
            self._take_body(data)
        else:
            self._take_head(data)

    def _take_head(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if end:
            self._buffer = b""
            self._begin(head.decode())
            self._take_body(rest)

    def eof_received(self) -> bool:
        self.half_closed = True
        if self._heeds or self._body_left > 0:
            self._end_request()
            return False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_request()
        self.server.left(self)

    def pause_writing(self) -> None:
        self._writable = False
        if self.tunnelled is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable = True
        if self.tunnelled is not None:
            self.transport.resume_reading()

    def _begin(self, head: str) -> None:
        target = head.split(" ")[1]
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
        server = self.server
        server.seen.append(target)
        server.busy += 1
        server.most = max(server.most, server.busy)
        self._body_left = int(fields.get("content-length", 0))
        server.bodies.append(0)
        _, kind, *rest = target.split("/")
        number = int(rest[0]) if rest else 0
        self._heeds = kind not in {"deaf", "flood"}
        self._answer = {
            "quick": self._quick,
            "sink": self._sink,
            "sleep": lambda: self._later(number / 1000, self._quick),
            "deaf": lambda: self._later(number / 1000, self._quick),
            "stream": lambda: self._stream(number),
            "flood": lambda: self._stream(1 << 60),
            "bytes": lambda: self._bytes(number),
            "reset": self._reset,
            "close": self.transport.close,
            "echo": self._echo,
        }[kind]

    def _take_body(self, data: bytes) -> None:
        self._body_left -= len(data)
        self.server.bodies[-1] += len(data)
        if self._body_left <= 0 and self._answer is not None and self._timer is None:
            self._answer()

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _end_request(self) -> None:
        if self._answer is not None:
            self.server.busy -= 1
            self._answer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _whole(self, body: bytes) -> None:
        self._end_request()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        if self.half_closed:
            self.transport.close()

    def _quick(self) -> None:
        self._whole(b"ok")

    def _sink(self) -> None:
        self._whole(b"%d" % self.server.bodies[-1])

    def _echo(self) -> None:
        self.tunnelled = bytearray()
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")

    def _stream(self, count: int) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._later(0.002, lambda: self._event(count))

    def _event(self, left: int) -> None:
        if not left:
            self._end_request()
            self.transport.write(b"0\r\n\r\n")
            return
        if self._writable:
            self.transport.write(b"9\r\ndata: x\n\n\r\n")
        self._later(0.002, lambda: self._event(left - 1))

    def _bytes(self, count: int) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % count)
        self._piece(count)

    def _piece(self, left: int) -> None:
        while left and self._writable:
            size = min(left, 65_536)
            left -= size
            if not left:
                self._end_request()
            self.transport.write(bytes(size))
        if left:
            self._later(0.001, lambda: self._piece(left))

    def _reset(self) -> None:
        self._end_request()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken")
        self._later(0.001, lambda: ending.reset(self.transport))

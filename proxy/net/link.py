"""One connection to a replica."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Protocol, cast

from proxy.core.replica import Replica
from proxy.errors import ReplicaFailed
from proxy.net.deadlines import NEVER
from proxy.wire.response import ResponseReader, ResponseSink

if TYPE_CHECKING:
    from proxy.net.connections import Connections

# Zero seconds of lingering make close() send a reset (socket(7), SO_LINGER).
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class LinkUser(Protocol):
    """The request that a connection serves at the moment."""

    def on_read(self) -> None:
        """All of one read has been handed over."""

    def link_failed(self, error: ReplicaFailed) -> None: ...

    def link_writable(self, writable: bool) -> None: ...


class Link(asyncio.Protocol):
    """Bytes out, responses in; `user` is None while the connection is idle, and then any byte closes it."""

    def __init__(self, connections: Connections, replica: Replica) -> None:
        self.replica = replica
        self.user: LinkUser | None = None
        self.reused = False
        self.deadline = NEVER
        self.closing = False
        self._connections = connections
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._reader = ResponseReader()

    @property
    def reusable(self) -> bool:
        return self._reader.reusable and not self.closing

    # What its user does

    def send_request(self, user: LinkUser, sink: ResponseSink, head_only: bool, data: bytes) -> None:
        self.user = user
        self._reader.expect(sink, head_only)
        self._transport.write(data)

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def pause(self) -> None:
        if not self.closing:
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self.closing:
            self._transport.resume_reading()

    def half_close(self) -> None:
        """Tell the replica that nobody listens any more: it sees the end of its input."""
        if not self.closing and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        self.user = None
        self.closing = True
        self._transport.close()

    def reset(self) -> None:
        """End with a reset, which fails the replica's next write."""
        self.user = None
        self.closing = True
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    def expire(self, now: float) -> None:
        """Idle for too long."""
        self._connections.forget(self)
        self.close()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        user = self.user
        if user is None:
            self._end_idle()
            return
        try:
            self._reader.feed(data)
        except ReplicaFailed as error:
            self.reset()
            user.link_failed(error)
        else:
            user.on_read()

    def eof_received(self) -> None:
        user = self.user
        if user is None:
            self._end_idle()
            return
        self.closing = True
        try:
            self._reader.eof()
        except ReplicaFailed as error:
            self.user = None
            user.link_failed(error)
        else:
            user.on_read()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        user, self.user = self.user, None
        if user is not None:
            user.link_failed(ReplicaFailed(f"the replica broke the connection: {exc or 'closed'}"))
        else:
            self._connections.forget(self)

    def pause_writing(self) -> None:
        if self.user is not None:
            self.user.link_writable(False)

    def resume_writing(self) -> None:
        if self.user is not None:
            self.user.link_writable(True)

    def _end_idle(self) -> None:
        self._connections.forget(self)
        self.close()

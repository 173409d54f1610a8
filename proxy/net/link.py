"""One connection to a replica."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import sys
import termios
from typing import TYPE_CHECKING, Protocol, cast

from proxy.core.replica import Replica
from proxy.errors import ReplicaFailed
from proxy.net.deadlines import NEVER
from proxy.net.ending import half_close, reset
from proxy.wire.request import Request
from proxy.wire.response import ResponseReader, ResponseSink

if TYPE_CHECKING:
    from proxy.net.connections import Connections

_READ_BYTES = 65_536
_TCP_CLOSE = 7  # include/net/tcp_states.h


class LinkUser(Protocol):
    """The request that a connection serves at the moment."""

    def on_read(self) -> None:
        """All of one read has been handed over."""

    def link_failed(self, error: ReplicaFailed) -> None: ...

    def link_ended(self, error: ReplicaFailed) -> bool:
        """The replica has closed before its answer was complete; true if the connection is to stay open for now."""

    def expire(self, now: float) -> None:
        """The connection's deadline has passed."""

    def link_writable(self, writable: bool) -> None: ...


class Link:
    """Bytes out, responses in; `user` is None while the connection is idle, and then any byte closes it.

    An asyncio.Protocol, though not by inheritance (as ClientConnection).
    """

    def __init__(self, connections: Connections, replica: Replica) -> None:
        self.replica = replica
        self.user: LinkUser | None = None
        self.reused = False
        self.deadline = NEVER
        self.closing = False
        self._paused = False
        self._half_closed = False  # by the replica
        self._connections = connections
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._reader = ResponseReader()

    @property
    def reusable(self) -> bool:
        return self._reader.reusable and not self.closing

    @property
    def idle_seconds(self) -> float:
        return self._reader.idle_seconds

    # What its user does

    def send_request(self, user: LinkUser, sink: ResponseSink, request: Request, data: bytes) -> None:
        """`data`: its head, and what there is of its body."""
        self.user = user
        self._reader.expect(sink, request.method == b"HEAD", request.upgrade)
        self._transport.write(data)

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def pause(self) -> None:
        if not self.closing:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self.closing:
            self._paused = False
            self._transport.resume_reading()

    def rest(self) -> None:
        """Its answer is complete: it may be kept for another request."""
        self.user = None
        self.reused = True
        self.resume()

    def half_close(self) -> None:
        """Tell the replica that nobody listens any more: it sees the end of its input."""
        if not self.closing:
            half_close(self._transport)

    def close(self) -> None:
        """What has not been sent yet is not wanted any more: a replica that does not read cannot hold this up."""
        self.user = None
        self.closing = True
        self._connections.deadlines.forget(self)
        self._transport.abort()

    def release(self) -> asyncio.Transport:
        """Give the connection away to a tunnel."""
        self.user = None
        self.closing = True
        self._connections.deadlines.forget(self)
        return self._transport

    def unacknowledged(self, size: int) -> bool:
        """Whether the replica has closed, and acknowledged none of the last `size` bytes, a whole request."""
        if not self._half_closed or sys.platform != "linux":
            return False
        sock = self._transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX:  # it counts memory, not bytes
            return False
        return bool(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0] == size)

    def untaken(self, size: int) -> bool:
        """Whether the replica had closed before any of the last `size` bytes, a whole request, came to it.

        Proved by its FIN without an acknowledgement and then its reset. A reset alone proves nothing: it overtakes
        the acknowledgement of what was read. (Who has ended its sending side takes no request: RFC 9112 section 9.6.)
        """
        if not self.unacknowledged(size):
            return False
        sock = self._transport.get_extra_info("socket")
        return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE)

    def reset(self) -> None:
        """End with a reset, which fails the replica's next write."""
        self.user = None
        self.closing = True
        self._connections.deadlines.forget(self)
        reset(self._transport)

    def expire(self, now: float) -> None:
        if self.user is not None:
            self.user.expire(now)
        else:  # idle for too long
            self._end_idle()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.deadlines.watch(self)

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

    def eof_received(self) -> bool:
        user = self.user
        if user is None:
            self._end_idle()
            return False
        self.closing = self._half_closed = True
        try:
            self._reader.eof()
        except ReplicaFailed as error:
            stays = user.link_ended(error)
            if not stays:
                self.user = None
            return stays
        user.on_read()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self._connections.deadlines.forget(self)
        if exc is not None and self.user is not None:
            self._read_rest()
        user, self.user = self.user, None
        if user is not None:
            user.link_failed(ReplicaFailed(f"the replica broke the connection: {exc or 'closed'}"))
        else:
            self._connections.forget(self)

    def _read_rest(self) -> None:
        """A write failed: what the replica said before it closed, an early answer perhaps, has not been read yet."""
        descriptor = self._transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            while self.user is not None and (data := os.read(descriptor, _READ_BYTES)):
                self.data_received(data)

    def pause_writing(self) -> None:
        if self.user is not None:
            self.user.link_writable(False)

    def resume_writing(self) -> None:
        if self.user is not None:
            self.user.link_writable(True)

    def _end_idle(self) -> None:
        self._connections.forget(self)
        self.close()

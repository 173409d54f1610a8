"""One client connection: its requests in order, its timeouts, and noticing that the client left."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from proxy.errors import AnswerError, RequestTimeout
from proxy.net.deadlines import NEVER
from proxy.net.exchange import Exchange, Phase
from proxy.net.link import RESET_ON_CLOSE
from proxy.wire.answer import error_answer
from proxy.wire.request import Request, RequestReader

if TYPE_CHECKING:
    from proxy.net.listener import Listener

HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 55.0
# After an answer that ends the connection, what the client still sends is read and dropped for so long: closing at
# once would reset the connection, and the client might never see the answer (RFC 9112 section 9.6).
LINGER_SECONDS = 2.0
# So many requests are read ahead of their turn (pipelining, RFC 9112 section 9.3.2).
READ_AHEAD_REQUESTS = 16
# What may wait for a slow client before the replica is slowed down, too.
WRITE_BUFFER_BYTES = 262_144


class ClientConnection(asyncio.Protocol):
    """Reads requests, starts their exchanges one after another, writes the answers."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.site = listener.site
        self.deadline = NEVER
        self.host = b""
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._reader = RequestReader(self, listener.max_header_bytes)
        self._line: deque[Exchange] = deque()  # the first is being answered
        self._error: AnswerError | None = None  # why no more can be read
        self._in_head = True
        self._paused = False
        self._ended = False  # the client has ended its sending side
        self._closing = False
        self._lost = False
        self._advancing = False

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.host = peer[0].encode() if peer else b"unknown"
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.listener.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._closing or self._error is not None:
            return
        try:
            self._reader.feed(data)
        except AnswerError as error:
            self._fault(error)
            return
        if self._line:
            self.pace()
        elif not self._in_head and not self._reader.idle and not self._closing:
            self._in_head = True
            self.deadline = time.monotonic() + HEAD_SECONDS

    def eof_received(self) -> bool:
        """Stay half open while an answer is on its way: the client may have ended its sending side only."""
        self._client_left(lost=False)
        return bool(self._line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._lost = True
        self.listener.left(self)
        self._client_left(lost=True)

    def pause_writing(self) -> None:
        if self._line:
            self._line[0].client_writable(False)

    def resume_writing(self) -> None:
        if self._line:
            self._line[0].client_writable(True)

    # What the reader calls

    def on_request(self, request: Request) -> None:
        self._line.append(Exchange(self, request))
        self._in_head = False
        self.deadline = NEVER
        if len(self._line) == 1:
            self._advance()

    def on_request_body(self, data: bytes) -> None:
        if self._line:
            self._line[-1].on_request_body(data)

    def on_request_end(self) -> None:
        if self._line:
            self._line[-1].on_request_end()

    # What exchanges do

    def send(self, data: bytes) -> None:
        if not self._lost:
            self._transport.write(data)

    def cut(self, reset: bool) -> None:
        """End the connection so that the answer on it is seen to be broken.

        Without its last chunk or byte an answer is; one that the end of the connection ends needs a reset.
        """
        self._line.clear()
        self._closing = True
        if self._lost:
            return
        if reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._resume()
            self.deadline = time.monotonic() + LINGER_SECONDS
            self._transport.close()

    def finished(self, keep_alive: bool) -> None:
        """The first exchange in line has been answered."""
        if self._line:
            self._line.popleft()
        if self._lost or self._closing:
            return
        if not keep_alive or self._ended or self.site.draining:
            self._linger()
        elif not self._advancing:
            self._advance()

    def pace(self) -> None:
        """Stop reading while too much is ahead of its turn; go on when there is room."""
        if self._lost or self._closing:
            return
        line = self._line
        ahead = bool(line) and (len(line) > READ_AHEAD_REQUESTS or line[-1].congested)
        if ahead and not self._paused:
            self._paused = True
            self._transport.pause_reading()
            self.listener.hangups.watch(self._descriptor, self._hung_up)
        elif self._paused and not ahead:
            self._resume()

    # Time

    def expire(self, now: float) -> None:
        self.deadline = NEVER
        if self._closing:
            self._transport.abort()
        elif self._reader.idle:
            self._closing = True
            self._transport.close()
        else:
            self._fault(RequestTimeout(f"the request head did not arrive within {HEAD_SECONDS:g} s"))

    def close_if_idle(self) -> None:
        """The proxy is shutting down: between two requests a connection ends at once."""
        if not self._line and not self._closing:
            self._closing = True
            self._transport.close()

    # Inside

    def _advance(self) -> None:
        """Begin the next requests in line; in a loop, since one that is refused is over before begin returns."""
        self._advancing = True
        while self._line and self._line[0].phase is Phase.NEW and not self._closing:
            self._line[0].begin(time.monotonic())
        self._advancing = False
        if self._line or self._closing:
            return
        if self._error is not None:
            self._answer_fault(self._error)
            return
        self._in_head = not self._reader.idle
        self.deadline = time.monotonic() + (HEAD_SECONDS if self._in_head else KEEP_ALIVE_SECONDS)
        self.pace()

    def _fault(self, error: AnswerError) -> None:
        """The client's bytes cannot be read any further: answer after what came before them, then close."""
        self._error = error
        if self._reader.in_body and self._line:
            if len(self._line) == 1:
                self._line[0].fault(error)
            else:
                self._line.pop()  # its turn had not come
        if not self._line and not self._closing:
            self._answer_fault(error)

    def _answer_fault(self, error: AnswerError) -> None:
        self.send(error_answer(error, self.site.next_request_id(), keep_alive=False))
        self._linger()

    def _linger(self) -> None:
        """Close, once the client has seen what was said."""
        self._closing = True
        self._line.clear()
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.deadline = time.monotonic() + LINGER_SECONDS
        if self._ended:
            self._transport.close()

    def _client_left(self, lost: bool) -> None:
        self._ended = True
        now = time.monotonic()
        line, self._line = self._line, deque()
        self._line.extend([exchange for exchange in line if exchange.client_left(now, lost)])

    def _hung_up(self) -> None:
        """The client left while it was not read from; what it still sent is not wanted any more."""
        self._paused = False
        if self._lost:
            return
        self._client_left(lost=False)
        if not self._line:
            self._closing = True
            self._transport.abort()
        else:
            self._transport.resume_reading()

    def _resume(self) -> None:
        if self._paused and not self._lost:
            self._unwatch()
            self._transport.resume_reading()

    def _unwatch(self) -> None:
        if self._paused:
            self._paused = False
            self.listener.hangups.forget(self._descriptor)

    @property
    def _descriptor(self) -> int:
        return int(self._transport.get_extra_info("socket").fileno())

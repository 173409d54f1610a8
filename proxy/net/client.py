"""One client connection: its requests in order, its timeouts, and noticing that the client left."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

from proxy.errors import AnswerError, Draining, RequestTimeout
from proxy.net import ending
from proxy.net.deadlines import NEVER
from proxy.net.exchange import CALLING, NEW, Exchange
from proxy.net.passage import refusal
from proxy.wire.answer import error_answer
from proxy.wire.fields import Field
from proxy.wire.forward import last_chunk
from proxy.wire.request import Request
from proxy.wire.request_reader import RequestReader

if TYPE_CHECKING:
    from proxy.net.hangup import HangupWatch
    from proxy.net.listener import Listener
    from proxy.net.service import Route

HEAD_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 55.0
# After an answer that ends the connection, what the client still sends is read and dropped for so long: closing at
# once would reset the connection, and the client might never see the answer (RFC 9112 section 9.6).
LINGER_SECONDS: Final = 2.0
# A client that takes nothing of an answer for so long, after it was complete, is cut off.
STALL_SECONDS: Final = 10.0
# So many requests are read ahead of their turn (pipelining, RFC 9112 section 9.3.2).
READ_AHEAD_REQUESTS: Final = 16
# What may wait for a slow client before the replica is slowed down, too.
WRITE_BUFFER_BYTES: Final = 262_144


class ClientConnection:
    """Reads requests, starts their exchanges one after another, writes the answers: an asyncio.Protocol.

    Not by inheritance: compiled, a class without an interpreted base costs a fraction (docs/architecture.md).
    """

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.site = listener.site
        self.audience = listener.site.audience  # asked by every request, and so not through the site
        self.deadline = NEVER
        self.host = b""
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._secure = listener.secure
        self._reader = RequestReader(self, listener.max_header_bytes, listener.scheme)
        self._line: list[Exchange] = []  # the first is being answered
        self._error: AnswerError | None = None  # why no more can be read
        self._in_head = True
        self.paused = False  # not read from
        self._routed: Request | None = None
        self._route: Route | None = None
        self._writable = True
        self._unsent = 0  # when last asked
        self._ended = False  # the client has ended its sending side
        self._closing = False
        self._lost = False
        self._advancing = False

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.host = peer_host(transport)
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.listener.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._closing or self._error is not None:
            return
        self._read(data)
        if self._line:
            self._advance()
            if len(self._line) > 1 or not self._reader.idle or self._reader.holding:
                self.pace()
        elif not self._in_head and not self._reader.idle and not self._closing:
            self._in_head = True
            self.deadline = time.monotonic() + HEAD_SECONDS

    def eof_received(self) -> bool:
        """Stay half open while an answer is on its way: the client may have ended its sending side only.

        Over TLS it has left: neither asyncio nor uvloop can send anything more then.
        """
        self._client_left(lost=False)
        if not self._line and not self._closing:
            self._close()
        return bool(self._line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._lost = True
        self.listener.left(self)
        self._client_left(lost=True)

    def pause_writing(self) -> None:
        self._writable = False
        if self._line:
            self._line[0].client_writable(False)

    def resume_writing(self) -> None:
        self._writable = True
        if self._line:
            self._line[0].client_writable(True)
        self._advance()

    # What the reader calls

    def on_request(self, request: Request) -> None:
        if not self._closing:
            self._line.append(Exchange(self, request))

    def on_request_body(self, data: bytes) -> None:
        if self._line:
            self._line[-1].on_request_body(data)

    def on_request_trailers(self, trailers: list[Field]) -> None:
        if self._line:
            self._line[-1].upload.last = last_chunk(trailers)

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
            ending.reset(self._transport)
        else:
            self._resume()
            self._close()

    def finished(self, keep_alive: bool) -> None:
        """The first exchange in line has been answered."""
        if self._line:
            del self._line[0]
        if self._lost or self._closing:
            return
        if not keep_alive or self._ended or self.site.draining:
            self._linger()
        else:
            self._advance()

    def pace(self) -> None:
        """Stop reading while too much is ahead of its turn; go on when there is room."""
        if self._lost or self._closing:
            return
        line = self._line
        ahead = bool(line) and (len(line) > READ_AHEAD_REQUESTS or line[-1].congested or self._reader.holding)
        if ahead and not self.paused:
            self.paused = True
            self._transport.pause_reading()
            self.listener.hangups.watch(self._transport, self._hung_up)
        elif self.paused and not ahead:
            self._resume()

    def route(self, request: Request) -> Route | None:
        """The site's answer, kept for a client that repeats its request."""
        if request is not self._routed:
            self._route = self.site.route(request)
            self._routed = request
        return self._route

    def reroute(self) -> None:
        """The site's answers may be others now."""
        self._routed = self._route = None

    def switch(self) -> tuple[asyncio.Transport, bytes, HangupWatch]:
        """Leave the connection to a tunnel, with what came ahead; its end is still to be told to us."""
        self._line.clear()
        self._closing = True
        self._resume()
        return self._transport, self._reader.release(), self.listener.hangups

    # Time

    def expire(self, now: float) -> None:
        self.deadline = NEVER
        if (self._closing or not self._writable) and self._has_taken():
            self.deadline = now + STALL_SECONDS
        elif self._closing or not self._writable:
            self._transport.abort()
        elif self._reader.idle:
            self._close()
        elif self.site.draining:
            self._fault(Draining("the proxy is shutting down"))
        else:
            self._fault(RequestTimeout(f"the request head did not arrive within {HEAD_SECONDS:g} s"))

    def close_if_idle(self) -> None:
        """The proxy is shutting down: between two requests a connection ends at once.

        If the next one has come, and only was not read yet, its client is told; so it is when the rest of a head has
        come, or its time is over.
        """
        if self._line or self._closing or not self._reader.idle:
            return
        if ending.unread(self._transport):
            self.deadline = time.monotonic() + LINGER_SECONDS  # it may be no whole one
        else:
            self._close()

    # Inside

    def _read(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except AnswerError as error:
            self._fault(error)

    def _advance(self) -> None:
        """Begin the next requests in line; in a loop, since one that is refused is over before begin returns.

        None begins before the client has taken the answers so far: they would be kept here without bound.
        """
        if self._advancing:
            return
        self._advancing = True
        while self._writable and not self._closing:
            if self._line:
                if self._line[0].phase is not NEW:
                    break
                self.deadline = NEVER
                self._line[0].begin(time.monotonic())
            elif self._reader.holding:
                self._read(self._reader.release())
            else:
                break
        self._advancing = False
        if not self._closing and not (self._line and self._line[0].phase is not NEW):
            self._rest()
        elif self.paused:
            self.pace()

    def _rest(self) -> None:
        """Nothing is on its way: wait for the client."""
        if self._error is not None and not self._line:
            self._answer_fault(self._error)
            return
        self._in_head = not self._reader.idle
        self.deadline = time.monotonic() + (HEAD_SECONDS if self._in_head else KEEP_ALIVE_SECONDS)
        if self.paused:
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
        request_id, now = self.site.next_request_id(), time.monotonic()
        answer = error_answer(error, request_id, keep_alive=False)
        self.send(answer)
        if self.audience.observers:
            request = self._reader.unread()
            self.audience.tell(refusal(request, request_id, error.status, self.host, answer, now), request)
        self._linger()

    def _linger(self) -> None:
        """Close, once the client has seen what was said."""
        self._line.clear()
        self._resume()
        if not self._secure:
            ending.half_close(self._transport)
        if self._ended or (self._secure and self._reader.idle):
            self._close()
        self._closing = True
        self.deadline = time.monotonic() + LINGER_SECONDS

    def _close(self) -> None:
        """Close, once what was said has been sent."""
        self._closing = True
        self.deadline = time.monotonic() + LINGER_SECONDS
        self._transport.close()

    def _has_taken(self) -> bool:
        """A slow client took some of what waits for it since last asked."""
        transport = self._transport
        before = self._unsent
        self._unsent = ending.acknowledged(transport) if self._secure else transport.get_write_buffer_size()
        return 0 < self._unsent != before

    def _client_left(self, lost: bool) -> None:
        self._ended = True
        now = time.monotonic()
        line, self._line = self._line, []
        lost = lost or self._secure
        self._line.extend([exchange for exchange in line if exchange.client_left(now, lost)])

    def _hung_up(self) -> None:
        """The client closed, or ended its sending side, while it was not read from.

        What it still sent may be the rest of the body that a replica is getting: it is read, and then the end.
        """
        self.paused = False
        if self._lost:
            return
        line = self._line
        uploading = len(line) == 1 and line[0].phase is CALLING and not line[0].upload.ended
        if not uploading:
            self._client_left(lost=False)
        if self._line:
            self._transport.resume_reading()
        else:
            self._closing = True
            self._transport.abort()

    def _resume(self) -> None:
        if self.paused and not self._lost:
            self._unwatch()
            self._transport.resume_reading()

    def _unwatch(self) -> None:
        if self.paused:
            self.paused = False
            self.listener.hangups.forget(self._transport)


def peer_host(transport: asyncio.BaseTransport) -> bytes:
    peer = transport.get_extra_info("peername")
    return peer[0].encode() if peer else b"unknown"

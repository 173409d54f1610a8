"""One request and its answer, as the code that calls functions sees them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import unquote

from proxy.errors import AnswerError

PHRASES = {int(status): status.phrase for status in HTTPStatus}


class Request:
    """A request whose body may still be arriving."""

    def __init__(self, method: str, target: bytes, headers: dict[bytes, bytes], *, keep_alive: bool) -> None:
        self.method = method
        self.path = unquote(target.partition(b"?")[0])
        self.headers = headers
        self.keep_alive = keep_alive
        self.abandoned = False
        self._body = bytearray()
        self._received = asyncio.Event()
        self._refusal: AnswerError | None = None

    def feed(self, data: bytes) -> None:
        self._body += data

    def finish(self) -> None:
        self._received.set()

    def refuse(self, refusal: AnswerError) -> None:
        """What came was not a request to serve: whoever waits for its body gets `refusal`."""
        self._refusal, self.keep_alive = refusal, False
        self._received.set()

    async def body(self) -> bytearray:
        """Wait for all of it; raises the AnswerError the request was refused with."""
        await self._received.wait()
        if self._refusal is not None:
            raise self._refusal
        return self._body


class Reply:
    """The answer to one request: whole, or a stream that is complete only after `end`."""

    def __init__(self, request: Request, transport: asyncio.Transport, writable: asyncio.Event) -> None:
        self.started = False
        self.complete = False
        self._request = request
        self._transport = transport
        self._writable = writable

    def whole(self, status: int, body: bytes, *fields: str) -> None:
        self.started = self.complete = True
        if status in (204, 304):  # these never have a body (RFC 9112 section 6.3)
            self._transport.write(self._head(status, *fields))
            return
        head = self._head(status, "content-type: application/json", f"content-length: {len(body)}", *fields)
        self._transport.write(head if self._request.method == "HEAD" else head + body)

    async def frame(self, data: bytes) -> None:
        """Send one event at once, then wait while the client is slower; raises ConnectionError if it has left."""
        if self._request.abandoned:
            raise ConnectionAbortedError("the client left")
        self._start_stream()
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writable.wait()

    def end(self) -> None:
        self._start_stream()
        self._transport.write(b"0\r\n\r\n")
        self.complete = True

    def _start_stream(self) -> None:
        if not self.started:
            self.started = True
            fields = ("content-type: text/event-stream", "cache-control: no-cache", "transfer-encoding: chunked")
            self._transport.write(self._head(200, *fields))

    def _head(self, status: int, *fields: str) -> bytes:
        closing = () if self._request.keep_alive else ("connection: close",)
        lines = (f"HTTP/1.1 {status} {PHRASES.get(status, '')}", *fields, *closing, "", "")
        return "\r\n".join(lines).encode("latin-1")

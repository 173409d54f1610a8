"""One request and its answer, as the code that calls functions sees them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from proxy.errors import AnswerError

PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
USUAL_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Request:
    """A request whose body may still be arriving; `headers` has at least those fields that are read here."""

    def __init__(self, method: str, target: bytes, headers: dict[bytes, bytes], *, keep_alive: bool) -> None:
        self.method = method
        path = self._path = target.partition(b"?")[0]
        self.path = unquote(path) if b"%" in path else path.decode("latin-1")
        self.headers = headers
        self.keep_alive = keep_alive
        self.abandoned = False
        self._body = bytearray()
        self._complete = False
        self._received: asyncio.Event | None = None  # for who waits for the rest
        self._refusal: AnswerError | None = None

    @property
    def shown(self) -> str:
        """The path as it came, for a log: unquoted it could hold lines, or colours, of a client's making."""
        return self._path.decode("latin-1")

    def feed(self, data: bytes) -> None:
        self._body += data

    def finish(self) -> None:
        self._complete = True
        if self._received is not None:
            self._received.set()

    def refuse(self, refusal: AnswerError) -> None:
        """What came was not a request to serve: whoever waits for its body gets `refusal`."""
        self._refusal, self.keep_alive = refusal, False
        self.finish()

    async def body(self) -> bytearray:
        """Wait for all of it; raises the AnswerError the request was refused with."""
        if not self._complete:
            self._received = asyncio.Event()
            await self._received.wait()
        if self._refusal is not None:
            raise self._refusal
        return self._body


class Reply:
    """The answer to one request: whole, or a stream that is complete only after `end`."""

    def __init__(self, request: Request, transport: asyncio.Transport, writable: asyncio.Event) -> None:
        self.started = False
        self.complete = False
        self.events = False  # what has begun is a stream of events
        self._request = request
        self._transport = transport
        self._writable = writable

    def whole(self, status: int, body: bytes, *fields: str, media_type: str = JSON) -> None:
        self.started = self.complete = True
        request = self._request
        if status == 200 and not fields and media_type is JSON and request.keep_alive and request.method == "POST":
            self._transport.write(USUAL_ANSWER % (len(body), body))
        elif status in (204, 304):  # these never have a body (RFC 9112 section 6.3)
            self._transport.write(self._head(status, *fields))
        else:
            head = self._head(status, f"content-type: {media_type}", f"content-length: {len(body)}", *fields)
            self._transport.write(head if request.method == "HEAD" else head + body)

    def begin_stream(self, status: int, media_type: str, *fields: str) -> None:
        """Send the head: what follows is a body whose end is not known yet."""
        self.started = True
        self.events = media_type.startswith(EVENTS)
        fields = (f"content-type: {media_type}", *fields, "transfer-encoding: chunked")
        self._transport.write(self._head(status, *fields))

    async def frame(self, data: bytes) -> None:
        """Send one event at once, then wait while the client is slower; raises ConnectionError if it has left."""
        if self._request.abandoned:
            raise ConnectionAbortedError("the client left")
        if not self.started:
            self._begin_events()
        if data:  # an empty chunk would be the last one
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writable.wait()

    def end(self) -> None:
        if not self.started:
            self._begin_events()
        self._transport.write(b"0\r\n\r\n")
        self.complete = True

    def _begin_events(self) -> None:
        self.begin_stream(200, EVENTS, "cache-control: no-cache")

    def _head(self, status: int, *fields: str) -> bytes:
        closing = () if self._request.keep_alive else ("connection: close",)
        lines = (f"HTTP/1.1 {status} {PHRASES.get(status, '')}", *fields, *closing, "", "")
        return "\r\n".join(lines).encode("latin-1")

"""From a client's bytes to requests (RFC 9112); llhttp parses."""

from __future__ import annotations

from typing import Final, Protocol

import httptools

from proxy.errors import AnswerError, BadRequest, HeaderTooLarge, TargetTooLong, VersionNotSupported
from proxy.wire.fields import Field
from proxy.wire.known_head import KnownHead
from proxy.wire.request import Request
from proxy.wire.trailers import passed_on

MAX_TARGET_BYTES: Final = 16_384
MAX_FIELDS: Final = 256
# Chunk extensions, which are read and dropped (RFC 9112 section 7.1.1 wants a limit), and trailers are counted once
# for each piece that the parser gets: so what has too much of them is refused before its end is passed on.
MAX_EXTRA_BYTES: Final = 16_384
PIECE_BYTES: Final = 16_384
_EXTRA: Final = f"chunk extensions or trailers are larger than {MAX_EXTRA_BYTES} bytes or {MAX_FIELDS} fields"


class RequestSink(Protocol):
    """Where a reader puts what it reads, in order."""

    def on_request(self, request: Request) -> None: ...

    def on_request_body(self, data: bytes) -> None: ...

    def on_request_trailers(self, trailers: list[Field]) -> None:
        """What may go on of those that follow the body; only if there are any, and right before the end."""

    def on_request_end(self) -> None: ...


class RequestReader:
    """One client connection's requests; several may come from one feed (RFC 9112 section 9.3.2)."""

    def __init__(self, sink: RequestSink, max_header_bytes: int, scheme: bytes = b"http") -> None:
        self._sink = sink
        self._scheme = scheme
        self._limit = max_header_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._fields: list[Field] = []
        self._trailers: list[Field] = []
        self._target = b""
        self._in_head = False
        self._in_body = False
        self._chunked = False
        self._head_bytes = 0
        self._piece_bytes = 0
        self._extra_bytes = 0
        self._held: list[bytes] | None = None
        self._plain_head = b""  # of a request that is read again, as one that does not ask for an upgrade
        self._known: KnownHead[Request] = KnownHead()
        self._request: Request | None = None  # the last one of what is being parsed

    @property
    def idle(self) -> bool:
        """Between two requests."""
        return not self._in_head and not self._in_body

    @property
    def in_body(self) -> bool:
        """A request's head has been read, its end has not."""
        return self._in_body

    @property
    def holding(self) -> bool:
        """A request to upgrade has been read: what comes after it waits for `release`."""
        return self._held is not None

    def feed(self, data: bytes) -> None:
        """Raises AnswerError when the connection cannot go on; all before the fault went to the sink."""
        if self._in_head or self._in_body or self._held is not None:
            self._parse(data)
            return
        body = self._known.body(data)
        if body is not None:
            self._repeat(self._known.message, body)
            return
        self._request = None
        request = self._parse(data)
        if request is not None and self.idle and request.repeatable:
            self._known.learn(data, request, request.length or 0)

    def _repeat(self, request: Request, body: bytes) -> None:
        self._sink.on_request(request)
        if body:
            self._sink.on_request_body(body)
        self._sink.on_request_end()

    def _parse(self, data: bytes) -> Request | None:
        """Returns the last request that began."""
        if len(data) <= PIECE_BYTES or (self._in_body and not self._chunked):
            self._take(data)  # uncut: compiled, a slice is a copy, even of the whole
        else:
            for start in range(0, len(data), PIECE_BYTES):
                self._take(data[start : start + PIECE_BYTES])
        return self._request

    def release(self) -> bytes:
        """What came after a request to upgrade: the next request, or the other protocol's first bytes."""
        held, self._held = self._held or (), None
        return b"".join(held)

    def unread(self) -> Request:
        """What is known of a request whose head could not be read to its end.

        Not a target with a scheme: there may be a password in it.
        """
        target = self._target if self._in_head and self._target[:1] == b"/" else b""
        return Request(self._parser.get_method() if target else b"", target)

    def _take(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
            return
        self._piece_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = httptools.HttpRequestParser(self)
            self._held = [data[upgrade.args[0] :]]
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, AnswerError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            raise BadRequest(f"malformed HTTP: {error.args[0]}") from None
        if self._plain_head:
            head, self._plain_head = self._plain_head, b""
            self._parse(head + self.release())
        elif self._in_head or (self._in_body and self._chunked):
            self._count(len(data))

    def _count(self, size: int) -> None:
        if self._in_head:
            self._head_bytes += size
            self._check_size(self._head_bytes)
        else:
            self._extra_bytes += size
            if self._extra_bytes > MAX_EXTRA_BYTES:
                raise HeaderTooLarge(_EXTRA)

    # What httptools calls

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._target = b""
        self._fields = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._fields.append((name, value))
        else:
            self._trailers.append((name, value))
            if len(self._trailers) > MAX_FIELDS:
                raise HeaderTooLarge(_EXTRA)

    def on_headers_complete(self) -> None:
        parser = self._parser
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise VersionNotSupported(f"HTTP/{version} is not spoken here: use HTTP/1.1")
        self._check_size(self._head_size())
        if parser.should_upgrade() and self._ignores_upgrade(version):
            return
        request = Request(parser.get_method(), self._target, version == "1.0", parser.should_keep_alive())
        request.scheme = self._scheme
        request.take(self._fields, upgrading=parser.should_upgrade())
        self._in_head, self._in_body = False, True
        self._chunked = request.chunked
        self._extra_bytes = 0
        self._request = request
        self._sink.on_request(request)

    def _ignores_upgrade(self, version: str) -> bool:
        """One that comes with a body is ignored (RFC 9110 section 7.8): Java's HttpClient offers h2c with all it asks.

        llhttp does not read such a body: it gets the head once more, without the offer.
        """
        fields = [field for field in self._fields if field[0].lower() != b"upgrade"]
        if len(fields) == len(self._fields) or not any(map(_tells_of_body, fields)):
            return False
        lines = [b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._target, version.encode())]
        lines += [b"%b: %b\r\n" % field for field in fields]
        self._plain_head = b"%b\r\n" % b"".join(lines)
        return True

    def on_body(self, data: bytes) -> None:
        self._extra_bytes = -PIECE_BYTES  # the piece that is being parsed is counted when it has been
        self._sink.on_request_body(data)

    def on_message_complete(self) -> None:
        if self._plain_head:
            return
        self._in_body = False
        if self._trailers:
            self._end_trailers()
        self._sink.on_request_end()

    def _end_trailers(self) -> None:
        trailers, self._trailers = passed_on(self._trailers, self._fields), []
        if trailers:
            self._sink.on_request_trailers(trailers)

    def _head_size(self) -> int:
        """Reckoned exactly only where the pieces it came in are larger than allowed: there may be more in them."""
        size = self._head_bytes + self._piece_bytes
        if size > self._limit:
            size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._fields)
        return size

    def _check_size(self, head_bytes: int) -> None:
        if len(self._target) > MAX_TARGET_BYTES:
            raise TargetTooLong(f"the request target is longer than {MAX_TARGET_BYTES} bytes")
        if head_bytes > self._limit or len(self._fields) > MAX_FIELDS:
            raise HeaderTooLarge(f"the request head is larger than {self._limit} bytes or {MAX_FIELDS} fields")


def _tells_of_body(field: Field) -> bool:
    name = field[0].lower()
    return name == b"transfer-encoding" or (name == b"content-length" and field[1].strip() != b"0")

"""Requests: from a client's bytes to checked values (RFC 9112 sections 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httptools

from proxy.errors import (
    AnswerError,
    BadRequest,
    HeaderTooLarge,
    MethodNotAllowed,
    TargetTooLong,
    VersionNotSupported,
)
from proxy.wire.fields import (
    HOP_BY_HOP,
    PROTECTED,
    Field,
    sane_request_id,
    tokens,
    valid_host,
    valid_length,
    valid_target,
)

MAX_TARGET_BYTES = 16_384
MAX_FIELDS = 256

# Not copied as they are: they end here, or are said anew.
_HANDLED = HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"expect",
    b"host",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
}


class Request:
    """The head of one request as it may be forwarded: every field that ends here is gone from `fields`.

    `length` is None without a Content-Length. `forwarded_for` and `via` are what came before us.
    """

    __slots__ = (
        "authorization",
        "chunked",
        "expects_continue",
        "fields",
        "forwarded_for",
        "host",
        "http10",
        "keep_alive",
        "length",
        "method",
        "request_id",
        "target",
        "via",
    )

    def __init__(self, method: bytes, target: bytes) -> None:
        self.method = method
        self.target = target
        self.fields: list[Field] = []
        self.host: bytes | None = None
        self.length: int | None = None
        self.chunked = False
        self.http10 = False
        self.keep_alive = True
        self.expects_continue = False
        self.forwarded_for: bytes = b""
        self.via: bytes = b""
        self.request_id: bytes = b""
        self.authorization: bytes = b""

    @property
    def bodiless(self) -> bool:
        return not self.chunked and not self.length

    @property
    def idempotent(self) -> bool:
        """May be sent again when nothing came back (RFC 9110 section 9.2.2), having no body to send again."""
        return self.bodiless and self.method in {b"GET", b"HEAD", b"OPTIONS"}


class RequestSink(Protocol):
    """Where a reader puts what it reads, in order."""

    def on_request(self, request: Request) -> None: ...

    def on_request_body(self, data: bytes) -> None: ...

    def on_request_end(self) -> None: ...


class RequestReader:
    """One client connection's requests; several may come from one feed (RFC 9112 section 9.3.2)."""

    def __init__(self, sink: RequestSink, max_header_bytes: int) -> None:
        self._sink = sink
        self._limit = max_header_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._fields: list[Field] = []
        self._target = b""
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0

    @property
    def idle(self) -> bool:
        """Between two requests."""
        return not self._in_head and not self._in_body

    @property
    def in_body(self) -> bool:
        """A request's head has been read, its end has not."""
        return self._in_body

    def feed(self, data: bytes) -> None:
        """Raises AnswerError when the connection cannot go on; all before the fault went to the sink."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The request is complete and is forwarded without its Upgrade; what follows is the next request.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.feed(rest)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, AnswerError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            raise BadRequest(f"malformed HTTP: {error.args[0]}") from None
        if self._in_head:
            self._head_bytes += len(data)
            self._check_size()

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
            self._take_trailer(name, value)

    def on_headers_complete(self) -> None:
        parser = self._parser
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise VersionNotSupported(f"HTTP/{version} is not spoken here: use HTTP/1.1")
        self._check_size()
        request = Request(parser.get_method(), self._target)
        request.http10 = version == "1.0"
        request.keep_alive = parser.should_keep_alive()
        self._take_fields(request)
        _check_target(request)
        _check_body(request, upgrading=parser.should_upgrade())
        self._in_head, self._in_body = False, True
        self._head_bytes = 0
        self._sink.on_request(request)

    def on_body(self, data: bytes) -> None:
        self._sink.on_request_body(data)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._sink.on_request_end()

    # Checks that llhttp leaves to us

    def _check_size(self) -> None:
        size = self._head_bytes
        if not size:
            size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._fields)
        if len(self._target) > MAX_TARGET_BYTES:
            raise TargetTooLong(f"the request target is longer than {MAX_TARGET_BYTES} bytes")
        if size > self._limit or len(self._fields) > MAX_FIELDS:
            raise HeaderTooLarge(f"the request head is larger than {self._limit} bytes or {MAX_FIELDS} fields")

    def _take_trailer(self, name: bytes, value: bytes) -> None:
        # Trailers are dropped (RFC 9110 section 6.5.1 allows it), but count.
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limit:
            raise HeaderTooLarge(f"the trailers are larger than {self._limit} bytes")

    def _take_fields(self, request: Request) -> None:
        named: set[bytes] = set()
        handled: list[Field] = []
        for field in self._fields:
            name = field[0].lower()
            if name not in _HANDLED:
                request.fields.append(field)
            else:
                handled.append((name, field[1]))
        for name, value in handled:
            if name == b"connection":
                named.update(tokens(value))
            elif (take := _TAKE.get(name)) is not None:
                take(request, value)
        named -= PROTECTED
        if named - {b"keep-alive", b"close"}:
            request.fields = [field for field in request.fields if field[0].lower() not in named]


def _take_host(request: Request, value: bytes) -> None:
    if request.host is not None:
        raise BadRequest("more than one Host field")
    request.host = value


def _take_length(request: Request, value: bytes) -> None:
    if not valid_length(value):
        raise BadRequest("Content-Length is not a number")
    if request.length is not None:
        raise BadRequest("more than one Content-Length")
    request.length = int(value)


def _take_coding(request: Request, value: bytes) -> None:
    if request.chunked or value.lower() != b"chunked":
        raise BadRequest("the only transfer coding understood is a single chunked")
    request.chunked = True


def _take_expectation(request: Request, value: bytes) -> None:
    request.expects_continue = value.lower() == b"100-continue"


def _take_request_id(request: Request, value: bytes) -> None:
    request.request_id = value if sane_request_id(value) else b""


def _take_forwarded_for(request: Request, value: bytes) -> None:
    request.forwarded_for = _joined(request.forwarded_for, value)


def _take_via(request: Request, value: bytes) -> None:
    request.via = _joined(request.via, value)


def _take_authorization(request: Request, value: bytes) -> None:
    request.authorization = value
    request.fields.append((b"authorization", value))


def _joined(before: bytes, value: bytes) -> bytes:
    return before + b", " + value if before else value


_TAKE: dict[bytes, Callable[[Request, bytes], None]] = {
    b"host": _take_host,
    b"content-length": _take_length,
    b"transfer-encoding": _take_coding,
    b"expect": _take_expectation,
    b"x-request-id": _take_request_id,
    b"x-forwarded-for": _take_forwarded_for,
    b"via": _take_via,
    b"authorization": _take_authorization,
}


def _check_target(request: Request) -> None:
    if request.method in {b"CONNECT", b"TRACE"}:
        raise MethodNotAllowed(f"{request.method.decode()} is not served here")
    if request.host is None and not request.http10:
        raise BadRequest("the Host field is missing")
    target = request.target
    if target[:1] != b"/":
        _take_absolute_form(request)
    elif not valid_target(target):
        raise BadRequest("the request target is not a valid path")
    if request.host is not None and not valid_host(request.host):
        raise BadRequest("the Host field is not a valid host")


def _take_absolute_form(request: Request) -> None:
    """The authority of an absolute-form target replaces Host (RFC 9112 section 3.2.2)."""
    if request.target == b"*" and request.method == b"OPTIONS":
        return
    scheme, separator, rest = request.target.partition(b"://")
    if not separator or scheme.lower() not in {b"http", b"https"}:
        raise BadRequest("the request target is neither a path nor an http address")
    end = min((rest.find(mark) for mark in (b"/", b"?") if mark in rest), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if not authority or b"@" in authority or not valid_host(authority):
        raise BadRequest("the request target's host is not valid")
    request.host = authority
    request.target = path if path[:1] == b"/" else b"/" + path
    if not valid_target(request.target):
        raise BadRequest("the request target is not a valid path")


def _check_body(request: Request, upgrading: bool) -> None:
    if request.chunked and (request.length is not None or request.http10):
        raise BadRequest("Transfer-Encoding beside Content-Length, or in HTTP/1.0, is ambiguous")
    if upgrading and not request.bodiless:
        raise BadRequest("a request to upgrade must not have a body")

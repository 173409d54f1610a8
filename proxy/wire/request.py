"""Requests: the fields of a client's head, turned into checked values (RFC 9112 sections 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable

from proxy.errors import BadRequest, MethodNotAllowed
from proxy.wire.fields import (
    HOP_BY_HOP,
    Field,
    sane_request_id,
    tokens,
    valid_host,
    valid_length,
    valid_protocol,
    valid_target,
    without,
)
from proxy.wire.trailers import announced

# Not copied as they are: they end here, or are said anew.
_HANDLED = HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"expect",
    b"host",
    b"max-forwards",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
}

# https://www.w3.org/TR/trace-context/
_TRACE_CONTEXT = frozenset((b"traceparent", b"tracestate"))


class Request:
    """The head of one request as it may be forwarded: every field that ends here is gone from `fields`.

    `length` is None without a Content-Length. `forwarded_for` and `via` are what came before us. `upgrade` is the
    protocol that the client wants to change to, or empty. `final`: it must not be forwarded (Max-Forwards: 0).
    `routed_target` is what its app gets, known once it is routed. `trace_context` was taken out to be said anew.
    `keeps_authorization`: the replica gets that field, too.
    `trailer`: the names that may follow the body; `takes_trailers`: the client reads those of an answer.
    """

    __slots__ = (
        "authorization",
        "chunked",
        "expects_continue",
        "fields",
        "final",
        "forwarded",
        "forwarded_for",
        "host",
        "http10",
        "keep_alive",
        "keeps_authorization",
        "length",
        "method",
        "request_id",
        "routed_target",
        "scheme",
        "takes_trailers",
        "target",
        "trace_context",
        "trailer",
        "upgrade",
        "via",
    )

    def __init__(self, method: bytes, target: bytes, http10: bool = False, keep_alive: bool = True) -> None:
        self.method = method
        self.target = target
        self.routed_target = b""
        self.trace_context: list[Field] | None = None
        self.fields: list[Field] = []
        self.host: bytes | None = None
        self.length: int | None = None
        self.chunked = False
        self.http10 = http10
        self.keep_alive = keep_alive
        self.expects_continue = False
        self.takes_trailers = False
        self.trailer = b""
        self.final = False
        self.upgrade = b""
        self.forwarded_for = b""
        self.via = b""
        self.request_id = b""
        self.scheme = b"http"  # that the client speaks, or "https"
        self.authorization = b""
        self.keeps_authorization = True
        self.forwarded = b""

    @property
    def bodiless(self) -> bool:
        return not self.chunked and not self.length

    @property
    def repeatable(self) -> bool:
        """The same bytes may come again on the same connection and mean the same."""
        return self.keep_alive and not self.chunked and not self.upgrade and not self.expects_continue

    @property
    def idempotent(self) -> bool:
        """May be sent again when nothing came back (RFC 9110 section 9.2.2), having no body to send again."""
        return self.bodiless and self.method in {b"GET", b"HEAD", b"OPTIONS"}

    def take(self, fields: list[Field], upgrading: bool) -> None:
        """Take over the head's fields; `upgrading`: they ask for another protocol. Raises BadRequest."""
        handled: list[Field] = []
        for field in fields:
            name = field[0].lower()
            if name in _HANDLED:
                handled.append((name, field[1]))
            else:
                self.fields.append(field)
        named: set[bytes] = set()
        for name, value in handled:
            if name == b"connection":
                named.update(tokens(value))
            elif (take := _TAKE.get(name)) is not None:
                take(self, value)
        if named:
            self._drop(named)
        _check_target(self)
        _check_body(self)
        if not upgrading or self.http10:
            self.upgrade = b""  # RFC 9110 section 7.8: without "Connection: upgrade", or in HTTP/1.0, it is ignored

    def send_to(self, target: bytes, keeps_authorization: bool) -> None:
        """What its app gets. The same bytes may have gone to another app before, or by other settings."""
        if target is not self.routed_target or keeps_authorization != self.keeps_authorization:
            self.routed_target, self.keeps_authorization, self.forwarded = target, keeps_authorization, b""

    def take_trace_context(self) -> list[Field]:
        """The fields of W3C Trace Context, which from now on do not go on as they are; names in lower case."""
        if self.trace_context is None:
            self.trace_context = [
                (name.lower(), value) for name, value in self.fields if name.lower() in _TRACE_CONTEXT
            ]
            self.fields = [field for field in self.fields if field[0].lower() not in _TRACE_CONTEXT]
        return self.trace_context

    def _drop(self, named: set[bytes]) -> None:
        """What the Connection fields have named."""
        self.fields = without(self.fields, named)
        if b"trailer" in named:
            self.trailer = b""


def _take_host(request: Request, value: bytes) -> None:
    if request.host is not None:
        raise BadRequest("more than one Host field")
    request.host = value.rstrip(b" \t")


def _take_length(request: Request, value: bytes) -> None:
    value = value.rstrip(b" \t")
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
    """HTTP/1.0 knows no 100 (RFC 9110 section 10.1.1)."""
    request.expects_continue = not request.http10 and value.lower() == b"100-continue"


def _take_upgrade(request: Request, value: bytes) -> None:
    for protocol in value.split(b","):
        name = protocol.strip(b" \t")
        # h2c would let requests pass that nobody here has read (RFC 9113 section 3.1 has removed it).
        if not request.upgrade and name.lower() != b"h2c" and valid_protocol(name):
            request.upgrade = name


def _take_hops(request: Request, value: bytes) -> None:
    """Only for OPTIONS, since TRACE is not served (RFC 9110 section 7.6.2)."""
    value = value.rstrip(b" \t")
    if request.method != b"OPTIONS" or not valid_length(value):
        request.fields.append((b"max-forwards", value))
    elif int(value) == 0:
        request.final = True
    else:
        request.fields.append((b"max-forwards", b"%d" % (int(value) - 1)))


def _take_request_id(request: Request, value: bytes) -> None:
    request.request_id = value if sane_request_id(value) else b""


def _take_forwarded_for(request: Request, value: bytes) -> None:
    request.forwarded_for = _joined(request.forwarded_for, value)


def _take_via(request: Request, value: bytes) -> None:
    request.via = _joined(request.via, value)


def _take_authorization(request: Request, value: bytes) -> None:
    request.authorization = value
    request.fields.append((b"authorization", value))


def _take_te(request: Request, value: bytes) -> None:
    """Of TE only "trailers" can go on; the rest is about this hop (RFC 9110 section 10.1.4)."""
    if b"trailers" in set(tokens(value)):  # compiled, a generator has no "in"
        request.takes_trailers = not request.http10


def _take_trailer(request: Request, value: bytes) -> None:
    request.trailer = announced(request.trailer, value)


def _joined(before: bytes, value: bytes) -> bytes:
    return before + b", " + value if before else value


_TAKE: dict[bytes, Callable[[Request, bytes], None]] = {
    b"host": _take_host,
    b"content-length": _take_length,
    b"transfer-encoding": _take_coding,
    b"expect": _take_expectation,
    b"max-forwards": _take_hops,
    b"te": _take_te,
    b"trailer": _take_trailer,
    b"upgrade": _take_upgrade,
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


def _check_body(request: Request) -> None:
    if request.chunked and (request.length is not None or request.http10):
        raise BadRequest("Transfer-Encoding beside Content-Length, or in HTTP/1.0, is ambiguous")

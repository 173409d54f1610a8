"""Heads and bodies as they leave: written anew from parsed values, never copied through."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from proxy.wire.fields import Field, without
from proxy.wire.request import Request
from proxy.wire.response import Response

LAST_CHUNK: Final = b"0\r\n\r\n"
# Formatting a number costs more than the rest of what it is for: these are made once.
_SIZES: Final = [b"%x" % size for size in range(4_096)]
_TENTHS: Final = [b"%d.%d" % divmod(tenths, 10) for tenths in range(1_000)]


class Framing(Enum):
    """How the end of a body is marked."""

    NO_BODY = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()


# Bound to final names: looking a member up on its Enum costs 0.1 µs on Python 3.11, and a request does it often.
NO_BODY: Final = Framing.NO_BODY
LENGTH: Final = Framing.LENGTH
CHUNKED: Final = Framing.CHUNKED
CLOSE: Final = Framing.CLOSE


def request_head(request: Request, client_host: bytes, request_id: bytes, trace: bytes = b"") -> bytes:
    """The head sent to a replica, with the forwarding fields added (Via: RFC 9110 section 7.6.3).

    `trace` are whole lines, each with its end.
    """
    if not request.forwarded:
        request.forwarded = _forwarded(request, client_host)
    if trace:
        return b"%bx-request-id: %b\r\n%b\r\n" % (request.forwarded, request_id, trace)
    return b"%bx-request-id: %b\r\n\r\n" % (request.forwarded, request_id)


def _forwarded(request: Request, client_host: bytes) -> bytes:
    """All of it that is the same when the client repeats the request."""
    host = request.host or b""
    via = b"1.0 tidegate" if request.http10 else b"1.1 tidegate"
    lines = [b"%b %b HTTP/1.1\r\nhost: %b" % (request.method, request.routed_target or request.target, host)]
    fields = request.fields if request.keeps_authorization else without(request.fields, {b"authorization"})
    lines += [b"%b: %b" % field for field in fields]
    if request.chunked:
        lines.append(b"transfer-encoding: chunked")
        if request.trailer:
            lines.append(b"trailer: %b" % request.trailer)
    elif request.length is not None:
        lines.append(b"content-length: %d" % request.length)
    if request.upgrade:
        lines.append(b"connection: upgrade\r\nupgrade: %b" % request.upgrade)
    elif request.takes_trailers:
        lines.append(b"connection: te\r\nte: trailers")
    if request.expects_continue:
        lines.append(b"expect: 100-continue")
    forwarded_for = request.forwarded_for + b", " + client_host if request.forwarded_for else client_host
    via = request.via + b", " + via if request.via else via
    lines.append(
        b"x-forwarded-for: %b\r\nx-forwarded-proto: %b\r\nx-forwarded-host: %b\r\nvia: %b\r\n"
        % (forwarded_for, request.scheme, host, via)
    )
    return b"\r\n".join(lines)


def connection_field(request: Request, keep_alive: bool) -> bytes:
    """The line that tells a client whether its connection goes on; empty where HTTP/1.1 takes that for granted."""
    if not keep_alive:
        return b"connection: close\r\n"
    return b"connection: keep-alive\r\n" if request.http10 else b""


def response_framing(request: Request, response: Response) -> Framing:
    if response.bodiless:
        return NO_BODY
    if response.length is not None:
        return LENGTH
    return CLOSE if request.http10 else CHUNKED


def response_head(response: Response, framing: Framing, added: bytes) -> bytes:
    """The head sent to a client; `added` are whole lines of our own, each with its end."""
    if framing is not LENGTH:
        return b"%b%b\r\n" % (_passed_on(response, framing), added)
    if not response.forwarded:
        response.forwarded = _passed_on(response, framing)
    return b"%b%b\r\n" % (response.forwarded, added)


def _passed_on(response: Response, framing: Framing) -> bytes:
    """What is the same when the replica repeats the head."""
    lines = [b"HTTP/1.1 %d %b" % (response.status, response.reason)]
    lines += [b"%b: %b" % field for field in response.fields]
    if response.length is not None and response.status != 204:
        lines.append(b"content-length: %d" % response.length)
    if framing is CHUNKED:
        lines.append(b"transfer-encoding: chunked")
        if response.trailer:
            lines.append(b"trailer: %b" % response.trailer)
    return b"\r\n".join(lines) + b"\r\n"


def interim_head(response: Response, added: bytes) -> bytes:
    """A 1xx answer, passed on as it is (RFC 9110 section 15.2); `added` as above."""
    lines = [b"HTTP/1.1 %d %b" % (response.status, response.reason)]
    lines += [b"%b: %b" % field for field in response.fields]
    if response.status == 101:
        lines.append(b"connection: upgrade\r\nupgrade: %b" % response.upgrade)
    return b"\r\n".join(lines) + b"\r\n" + added + b"\r\n"


def answer_fields(request_id: bytes, replica: bytes, queue: float, answer: float, cold: float | None) -> bytes:
    """The lines that every answer of a replica gets from us; seconds, `cold` if it waited for a start."""
    started = b"" if cold is None else b", cold;dur=%b" % milliseconds(cold)
    return b"x-request-id: %b\r\nx-tidegate-replica: %b\r\nserver-timing: queue;dur=%b, replica;dur=%b%b\r\n" % (
        request_id,
        replica,
        milliseconds(queue),
        milliseconds(answer),
        started,
    )


def milliseconds(seconds: float) -> bytes:
    """With one decimal, as Server-Timing gives them."""
    tenths = int(seconds * 10_000 + 0.5)
    return _TENTHS[tenths] if tenths < len(_TENTHS) else b"%d.%d" % (tenths // 10, tenths % 10)


def chunk(data: bytes) -> bytes:
    size = len(data)
    return b"%b\r\n%b\r\n" % (_SIZES[size] if size < len(_SIZES) else b"%x" % size, data)


def last_chunk(trailers: list[Field]) -> bytes:
    """With what comes after it (RFC 9112 section 7.1.2)."""
    return b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % field for field in trailers])

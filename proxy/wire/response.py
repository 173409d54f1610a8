"""Responses: from a replica's bytes to checked values (RFC 9112 sections 4 and 6)."""

from __future__ import annotations

from typing import Protocol

import httptools

from proxy.errors import ReplicaFailed
from proxy.wire.fields import HOP_BY_HOP, Field, tokens, valid_length, without
from proxy.wire.known_head import KnownHead
from proxy.wire.trailers import announced, passed_on

MAX_HEAD_BYTES = 262_144  # interim heads count, too; and as much of chunk extensions and trailers
MAX_FIELDS = 1_000
MAX_INTERIM = 100

# What we say ourselves in every response.
_OURS = frozenset((b"x-request-id", b"x-tidegate-replica"))
_HANDLED = HOP_BY_HOP | _OURS | {b"content-length"}


class Response:
    """The head of one response as it may be forwarded; `length` is None without a Content-Length.

    `until_close`: the end of the connection ends the body. `upgrade`: the protocol that a 101 changes to.
    `trailer`: the names that may follow the body. `idle_seconds`: how long the replica keeps the connection
    afterwards, if it says so.
    """

    __slots__ = (
        "bodiless",
        "chunked",
        "fields",
        "forwarded",
        "idle_seconds",
        "keep_alive",
        "length",
        "reason",
        "status",
        "trailer",
        "until_close",
        "upgrade",
    )

    def __init__(self, status: int, reason: bytes) -> None:
        self.status = status
        self.reason = reason
        self.fields: list[Field] = []
        self.length: int | None = None
        self.chunked = False
        self.keep_alive = True
        self.bodiless = False
        self.until_close = False
        self.trailer = b""
        self.upgrade = b""
        self.forwarded = b""
        self.idle_seconds = float("inf")

    @property
    def interim(self) -> bool:
        return self.status < 200


class ResponseSink(Protocol):
    """Where a reader puts what it reads, in order. Interim (1xx) heads come alone, without an end."""

    def on_response(self, response: Response) -> None: ...

    def on_response_body(self, data: bytes) -> None: ...

    def on_response_trailers(self, trailers: list[Field]) -> None:
        """What may go on of those that follow the body; only if there are any, and right before the end."""

    def on_response_end(self) -> None: ...

    def on_switch(self, rest: bytes) -> None:
        """The 101 that came last was asked for: HTTP ends here, `rest` is the other protocol's."""


class ResponseReader:
    """One replica connection's responses. Call `expect` before each request, `feed`, and `eof` at the end."""

    def __init__(self) -> None:
        self._sink: ResponseSink | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[Field] = []
        self._trailers: list[Field] = []
        self._reason = b""
        self._response: Response | None = None
        self._head_only = False
        self._upgrade = b""
        self._done = True
        self._head_bytes = 0  # what came since the last byte of a body
        self._interim = 0
        self._stray = False
        self._begun = False  # something of the present answer has been read
        self._known: KnownHead[Response] = KnownHead()

    @property
    def idle_seconds(self) -> float:
        """How long the replica said that it keeps the connection after its last answer."""
        return self._response.idle_seconds if self._response is not None else float("inf")

    @property
    def reusable(self) -> bool:
        """The last response ended where the parser can read the next one."""
        response = self._response
        return self._done and not self._stray and response is not None and response.keep_alive

    def expect(self, sink: ResponseSink, head_only: bool, upgrade: bytes) -> None:
        """A request is going out whose answer goes to `sink`; `upgrade`: what it asks for."""
        self._sink = sink
        self._head_only = head_only
        self._upgrade = upgrade
        self._done = self._begun = False
        self._interim = self._head_bytes = 0
        self._response = None

    def feed(self, data: bytes) -> None:
        """Raises ReplicaFailed on anything that is not the HTTP we can vouch for."""
        if self._done:
            self._stray = True
            return
        if self._begun or self._head_only or self._upgrade:
            self._parse(data)
            return
        self._begun = True
        body = self._known.body(data)
        if body is not None:
            self._repeat(self._known.message, body)
            return
        response = self._parse(data)
        if response is not None and self.reusable and response.length:
            self._known.learn(data, response, response.length)

    def _repeat(self, response: Response, body: bytes) -> None:
        self._response = response
        self._current.on_response(response)
        self._current.on_response_body(body)
        self._finish()

    def _parse(self, data: bytes) -> Response | None:
        """Returns the final answer, once its head has been read."""
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._current.on_switch(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ReplicaFailed):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            # Bytes after a complete answer condemn the connection, not the answer.
            if not self._done:
                raise ReplicaFailed(f"the replica sent invalid HTTP: {error.args[0]}") from None
            self._stray = True
        if self._head_bytes > MAX_HEAD_BYTES and not self._done:
            raise ReplicaFailed(f"the replica sent a head or trailers larger than {MAX_HEAD_BYTES} bytes")
        return self._response

    def eof(self) -> None:
        """The replica closed its side; raises ReplicaFailed if the response is not complete."""
        if self._done:
            return
        response = self._response
        if response is None:
            raise ReplicaFailed("the replica closed the connection without an answer")
        if not response.until_close:
            raise ReplicaFailed("the replica closed the connection in the middle of its answer")
        response.keep_alive = False
        self._finish()

    # What httptools calls

    def on_message_begin(self) -> None:
        if self._done:
            self._stray = True
        self._fields = []
        self._reason = b""

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._response is None or self._response.interim:
            self._fields.append((name, value))
        elif not self._done:
            self._trailers.append((name, value))
            if len(self._trailers) > MAX_FIELDS:
                raise ReplicaFailed(f"the replica sent more than {MAX_FIELDS} trailer fields")

    def on_headers_complete(self) -> None:
        if self._done:
            return
        parser = self._parser
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"} or not 100 <= parser.get_status_code() <= 999:
            raise ReplicaFailed("the replica's status line is not HTTP/1.1")
        if len(self._fields) > MAX_FIELDS:
            raise ReplicaFailed(f"the replica sent more than {MAX_FIELDS} header fields")
        response = Response(parser.get_status_code(), self._reason)
        self._take_fields(response)
        if response.interim:
            self._take_interim(response)
            return
        response.bodiless = self._head_only or response.status in {204, 304}
        response.until_close = not response.bodiless and not response.chunked and response.length is None
        ending = response.until_close or response.idle_seconds <= 0
        # llama.cpp promises keep-alive and closes after every event stream: a POST sent meanwhile would be lost.
        # HTTP/1.0 knows no chunks: where they end cannot be trusted (RFC 9112 section 6.1).
        ending = ending or (response.chunked and (version == "1.0" or _is_event_stream(response.fields)))
        response.keep_alive = parser.should_keep_alive() and not ending
        self._response = response
        self._current.on_response(response)
        if response.bodiless:
            # httptools cannot be told that no body follows: this parser has read its last message.
            self._parser = httptools.HttpResponseParser(self)
            self._finish()

    def on_body(self, data: bytes) -> None:
        if self._done:
            self._stray = True
        else:
            self._head_bytes = 0
            self._current.on_response_body(data)

    def on_message_complete(self) -> None:
        response = self._response
        if response is not None and not self._done:
            if self._trailers:
                self._end_trailers(response)
            self._finish()

    @property
    def _current(self) -> ResponseSink:
        assert self._sink is not None
        return self._sink

    def _end_trailers(self, response: Response) -> None:
        # llhttp obeys a Connection field in a trailer, and will read no more.
        response.keep_alive = response.keep_alive and self._parser.should_keep_alive()
        trailers, self._trailers = passed_on(self._trailers, self._fields), []
        if trailers:
            self._current.on_response_trailers(trailers)

    def _finish(self) -> None:
        self._done = True
        self._current.on_response_end()

    # Checks that llhttp leaves to us

    def _take_interim(self, response: Response) -> None:
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise ReplicaFailed("the replica sent no end of interim answers")
        if response.status == 101 and (not self._upgrade or response.upgrade.lower() != self._upgrade.lower()):
            raise ReplicaFailed("the replica switched to a protocol that it was not asked for")
        if response.length is not None or response.chunked:
            raise ReplicaFailed("the replica sent an interim answer with a body")
        self._current.on_response(response)

    def _take_fields(self, response: Response) -> None:
        named: set[bytes] = set()
        for field in self._fields:
            name = field[0].lower()
            if name not in _HANDLED:
                response.fields.append(field)
            elif name == b"connection":
                named.update(tokens(field[1]))
            else:
                _take_framing(response, name, field[1])
        if response.chunked and response.length is not None:
            raise ReplicaFailed("the replica sent Transfer-Encoding beside Content-Length")
        if named:
            response.fields = without(response.fields, named)
            if b"trailer" in named:
                response.trailer = b""


def _take_framing(response: Response, name: bytes, value: bytes) -> None:
    if name == b"content-length":
        value = value.rstrip(b" \t")
        if not valid_length(value) or response.length is not None:
            raise ReplicaFailed("the replica sent an invalid Content-Length")
        response.length = int(value)
    elif name == b"transfer-encoding":
        if response.chunked or value.lower() != b"chunked":
            raise ReplicaFailed("the replica used a transfer coding other than chunked")
        response.chunked = True
    elif name == b"keep-alive":
        _take_keep_alive(response, value)
    elif name == b"trailer":
        response.trailer = announced(response.trailer, value)
    elif name == b"upgrade":
        response.upgrade = value.rstrip(b" \t")


def _take_keep_alive(response: Response, value: bytes) -> None:
    """How long the replica keeps an idle connection, and for how many requests (RFC 2068 section 19.7.1.1)."""
    for member in tokens(value):
        name, _, number = member.partition(b"=")
        if not number.isdigit():
            continue
        if name == b"timeout":
            response.idle_seconds = float(number)
        elif name == b"max" and int(number) == 0:
            response.idle_seconds = 0.0
            return


def _is_event_stream(fields: list[Field]) -> bool:
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in fields
    )

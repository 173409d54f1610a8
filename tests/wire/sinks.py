"""Sinks that remember what readers put into them."""

from __future__ import annotations

from proxy.wire.fields import Field
from proxy.wire.request import Request
from proxy.wire.request_reader import RequestReader
from proxy.wire.response import Response, ResponseReader


class Requests:
    """What a client's bytes were read as: `log` has each request's line, body and end."""

    def __init__(self, max_header_bytes: int = 65_536) -> None:
        self.reader = RequestReader(self, max_header_bytes)
        self.heads: list[Request] = []
        self.log: list[bytes] = []

    def feed(self, data: bytes, step: int = 1 << 30) -> Requests:
        for start in range(0, len(data), step):
            self.reader.feed(data[start : start + step])
        return self

    @property
    def last(self) -> Request:
        return self.heads[-1]

    def on_request(self, request: Request) -> None:
        self.heads.append(request)
        self.log.append(b"%b %b" % (request.method, request.target))

    def on_request_body(self, data: bytes) -> None:
        if self.log[-1].startswith(b"body "):
            self.log[-1] += data
        else:
            self.log.append(b"body " + data)

    def on_request_trailers(self, trailers: list[Field]) -> None:
        self.log.append(b"trailers " + b", ".join(b"%b: %b" % field for field in trailers))

    def on_request_end(self) -> None:
        self.log.append(b"end")


class Responses:
    """What a replica's bytes were read as."""

    def __init__(self, head_only: bool = False, upgrade: bytes = b"") -> None:
        self.reader = ResponseReader()
        self.heads: list[Response] = []
        self.body = b""
        self.trailers: list[Field] = []
        self.ended = False
        self.rest: bytes | None = None
        self.reader.expect(self, head_only, upgrade)

    def feed(self, data: bytes, step: int = 1 << 30) -> Responses:
        for start in range(0, len(data), step):
            self.reader.feed(data[start : start + step])
        return self

    @property
    def last(self) -> Response:
        return self.heads[-1]

    def on_response(self, response: Response) -> None:
        self.heads.append(response)

    def on_response_body(self, data: bytes) -> None:
        assert not self.ended
        self.body += data

    def on_response_trailers(self, trailers: list[Field]) -> None:
        assert not self.ended
        self.trailers += trailers

    def on_response_end(self) -> None:
        assert not self.ended
        self.ended = True

    def on_switch(self, rest: bytes) -> None:
        self.rest = rest

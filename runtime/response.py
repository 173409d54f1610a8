"""What a function returns to say more than a result: a status, headers and a media type of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.1
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 section 5.5
_WITHOUT_BODY = (204, 304)  # RFC 9112 section 6.3
# How the body ends is the server's to say.
_FRAMING = frozenset(("connection", "content-length", "content-type", "keep-alive", "transfer-encoding", "upgrade"))


class Response:
    """An answer without the envelope.

    `body`: bytes or text as they are, an iterator of them as a stream, anything else as JSON. `media_type` None is
    that of the body. Raises ValueError for a status or a header that cannot be sent.
    """

    def __init__(
        self,
        body: object = b"",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        if not (isinstance(status, int) and 200 <= status <= 599):
            raise ValueError(f"status is {status!r}: give a number from 200 to 599")
        if status in _WITHOUT_BODY and isinstance(body, Iterator | AsyncIterator):
            raise ValueError(f"status {status} never has a body, so nothing can be streamed: give another")
        self.body = body
        self.status = int(status)
        self.media_type = media_type or _media_type(body)
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        for name, value in ("content-type", self.media_type), *self.headers.items():
            if not _NAME.fullmatch(name) or not isinstance(value, str) or not _VALUE.fullmatch(value):
                raise ValueError(f"header {name!r} cannot be sent as {value!r}: use printable characters in one line")
        if wrong := sorted(_FRAMING & set(self.headers)):
            raise ValueError(f"header {wrong[0]!r} is the server's to send; a content type is given as media_type")

    @property
    def fields(self) -> tuple[str, ...]:
        """The lines of its headers."""
        return tuple(f"{name}: {value}" for name, value in self.headers.items())


def _media_type(body: object) -> str:
    if isinstance(body, str):
        return "text/plain; charset=utf-8"
    if isinstance(body, bytes | bytearray | memoryview | Iterator | AsyncIterator):
        return "application/octet-stream"
    return "application/json"

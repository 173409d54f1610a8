"""A strict reading of request bytes (RFC 9112): the second opinion about what a replica or a client meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# More than one space may part the words (section 3): what is passed on must not have them.
REQUEST_LINE = re.compile(rb"(%b) +([\x21-\x7e\x80-\xff]+) +HTTP/1\.([01])" % TOKEN)
FIELD = re.compile(rb"(%b):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*" % TOKEN)
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t \x21-\x7e\x80-\xff]*)?")


class Malformed(Exception):
    """The rest of the bytes must not be read."""


@dataclass
class Seen:
    """One request; without `complete` its body goes on, or is malformed."""

    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    complete: bool = False


@dataclass
class Strict:
    """The requests in `data` up to the first that is malformed, which `fault` describes."""

    data: bytes
    requests: list[Seen] = field(default_factory=list)
    fault: str = ""
    rest: bytes = b""

    def __post_init__(self) -> None:
        self.rest = self.data
        try:
            while self._read_request():
                pass
        except Malformed as error:
            self.fault = str(error)

    def _read_request(self) -> bool:
        """False when there are no bytes for one more."""
        # Empty lines before a request are skipped (section 2.2); nobody takes an odd one for a request.
        head, end, rest = self.rest.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if not end:
            return False
        self.rest = rest
        request, minor = _head(head)
        codings = [value.lower() for name, value in request.fields if name == b"transfer-encoding"]
        lengths = [value for name, value in request.fields if name == b"content-length"]
        if len(codings) + len(lengths) > 1 or (codings and (minor == b"0" or codings != [b"chunked"])):
            raise Malformed(f"framing {codings} {lengths}")
        self.requests.append(request)
        if codings:
            request.complete = self._read_chunks(request)
        else:
            request.complete = self._read_length(request, lengths[0] if lengths else b"0")
        return request.complete

    def _read_length(self, request: Seen, length: bytes) -> bool:
        if not re.fullmatch(rb"[0-9]{1,19}", length):
            self.requests.pop()
            raise Malformed(f"length {length!r}")
        size = int(length)
        request.body, self.rest = self.rest[:size], self.rest[size:]
        return len(request.body) == size

    def _read_chunks(self, request: Seen) -> bool:
        while (line := self._line()) is not None:
            match = CHUNK_SIZE.fullmatch(line)
            if match is None:
                raise Malformed(f"chunk size {line!r}")
            size = int(match[1], 16)
            if size == 0:
                return self._read_trailers(request)
            request.body += self.rest[:size]
            end, self.rest = self.rest[size : size + 2], self.rest[size + 2 :]
            if not b"\r\n".startswith(end):
                raise Malformed(f"chunk end {end!r}")
            if end != b"\r\n":
                return False
        return False

    def _read_trailers(self, request: Seen) -> bool:
        while line := self._line():
            match = FIELD.fullmatch(line)
            if match is None:
                raise Malformed(f"trailer {line!r}")
            request.trailers.append((match[1].lower(), match[2]))
        return line is not None

    def _line(self) -> bytes | None:
        line, end, rest = self.rest.partition(b"\r\n")
        if not end:
            return None
        self.rest = rest
        return line


def _head(head: bytes) -> tuple[Seen, bytes]:
    """Also the minor version."""
    first, *lines = head.split(b"\r\n")
    start = REQUEST_LINE.fullmatch(first)
    matches = [FIELD.fullmatch(line) for line in lines]
    if start is None or None in matches:
        raise Malformed(f"head {head!r}")
    fields = [(match[1].lower(), match[2]) for match in matches if match is not None]
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and start[3] == b"1"):
        raise Malformed(f"hosts {hosts}")
    return Seen(start[1], start[2], fields), start[3]

"""BuildKit's account of a build, as the engine passes it on: protocol buffers in base64 in JSON lines.

Its messages: StatusResponse, Vertex and VertexLog in
https://github.com/moby/buildkit/blob/master/api/services/control/control.proto. Five of their fields are needed here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

_VERTEX, _LOG = 1, 3  # fields of a StatusResponse
_DIGEST, _NAME, _CACHED, _STARTED, _COMPLETED, _ERROR = 1, 3, 4, 5, 6, 7  # of a Vertex
_OF_VERTEX, _MESSAGE = 1, 4  # of a VertexLog
_VARINT, _LENGTH = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}


@dataclass(frozen=True, slots=True)
class Vertex:
    """One step's state; `name` is the instruction with its number: "[2/5] RUN make"."""

    id: bytes
    name: str
    cached: bool
    started: bool
    completed: bool
    error: str


@dataclass(frozen=True, slots=True)
class Log:
    """Something that a step printed."""

    vertex: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no image, in the engine's words."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line of an engine that has no BuildKit."""

    text: str


def read(line: bytes) -> Iterator[Vertex | Log | Failure | Said]:
    """What one line of the engine's answer tells."""
    message = orjson.loads(line)
    if error := message.get("error") or message.get("errorDetail", {}).get("message"):
        yield Failure(error)
    elif message.get("id") == "moby.buildkit.trace":
        yield from _status(base64.b64decode(message["aux"]))
    elif text := message.get("stream"):
        yield Said(text)


def _status(data: bytes) -> Iterator[Vertex | Log]:
    for number, value in _fields(data):
        if number == _VERTEX and isinstance(value, bytes):
            yield _vertex(dict(_fields(value)))
        elif number == _LOG and isinstance(value, bytes):
            parts = dict(_fields(value))
            yield Log(_bytes(parts, _OF_VERTEX), _bytes(parts, _MESSAGE).decode(errors="replace"))


def _vertex(parts: dict[int, int | bytes]) -> Vertex:
    return Vertex(
        id=_bytes(parts, _DIGEST),
        name=_bytes(parts, _NAME).decode(errors="replace"),
        cached=bool(parts.get(_CACHED)),
        started=_STARTED in parts,
        completed=_COMPLETED in parts,
        error=_bytes(parts, _ERROR).decode(errors="replace"),
    )


def _bytes(parts: dict[int, int | bytes], number: int) -> bytes:
    value = parts.get(number, b"")
    return value if isinstance(value, bytes) else b""


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """https://protobuf.dev/programming-guides/encoding/"""
    position = 0
    while position < len(data):
        tag, position = _number(data, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _number(data, position)
            yield tag >> 3, value
            continue
        size, position = _number(data, position) if kind == _LENGTH else (_FIXED_BYTES[kind], position)
        yield tag >> 3, data[position : position + size]
        position += size


def _number(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7

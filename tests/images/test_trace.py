"""The engine's account of a build."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import orjson
import pytest

from proxy.images.trace import Failure, Log, Said, Vertex, read


def number(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def text(field: int, value: bytes) -> bytes:
    return number(field << 3 | 2) + number(len(value)) + value


def line(*parts: bytes) -> bytes:
    aux = base64.b64encode(b"".join(parts)).decode()
    return orjson.dumps({"id": "moby.buildkit.trace", "aux": aux})


def vertex(parts: Iterable[bytes]) -> bytes:
    return text(1, b"".join(parts))


MOMENT = number(1 << 3) + number(1_700_000_000)


def test_a_step_tells_its_name_and_how_far_it_is() -> None:
    data = vertex([text(1, b"sha256:a"), text(2, b"sha256:b"), text(3, b"[2/3] RUN make"), text(5, MOMENT)])
    assert list(read(line(data))) == [Vertex(b"sha256:a", "[2/3] RUN make", False, True, False, "")]


def test_a_step_tells_that_it_was_cached_or_failed() -> None:
    cached = vertex([text(1, b"a"), number(4 << 3) + b"\x01", text(6, MOMENT)])
    failed = vertex([text(1, b"b"), text(7, b"exit code: 2")])
    assert list(read(line(cached, failed))) == [
        Vertex(b"a", "", True, False, True, ""),
        Vertex(b"b", "", False, False, False, "exit code: 2"),
    ]


def test_what_a_step_prints_may_be_any_bytes_and_long() -> None:
    data = text(3, text(1, b"a") + text(2, MOMENT) + number(3 << 3) + b"\x01" + text(4, b"\xff" * 3 + b"x" * 300))
    assert list(read(line(data))) == [Log(b"a", "\ufffd" * 3 + "x" * 300)]


def test_fields_of_a_later_engine_are_passed_over() -> None:
    later = number(9 << 3 | 1) + bytes(8) + number(10 << 3 | 5) + bytes(4) + number(200 << 3) + number(70_000)
    assert list(read(line(later, vertex([text(1, b"a")])))) == [Vertex(b"a", "", False, False, False, "")]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"errorDetail": {"message": "no"}, "error": "no"}, [Failure("no")]),
        ({"stream": "Step 1/3 : FROM a\n"}, [Said("Step 1/3 : FROM a\n")]),
        ({"id": "moby.image.id", "aux": {"ID": "sha256:1"}}, []),
    ],
)
def test_other_messages_are_errors_or_lines(message: dict[str, object], event: list[object]) -> None:
    assert list(read(orjson.dumps(message))) == event

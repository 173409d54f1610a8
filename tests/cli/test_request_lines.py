"""Requests as lines of the log, and what clients may not do to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.cli.request_lines import JsonRequestLines, TerminalRequestLines
from proxy.net.passage import TOLD_TARGET_BYTES, Passage, Trace
from proxy.wire.request import Request


def passage(target: bytes = b"/v1/chat?key=secret", method: bytes = b"POST") -> Passage:
    made = Passage(Request(method, target), b"id-1", 200, 12.0)
    made.app, made.replica, made.client = "demo", "demo-a1", b"9.9.9.9"
    made.started_at, made.granted_at, made.first_byte_at = 10.0, 10.25, 11.0
    made.sent_bytes, made.received_bytes = 1_234, 56
    return made


def as_json(made: Passage) -> dict[str, Any]:  # JSON values are of any type
    written = JsonRequestLines().passages([made])
    assert (written[-1:], written.count(b"\n")) == (b"\n", 1)
    line: dict[str, Any] = json.loads(written)
    return line


def as_text(made: Passage, coloured: bool = False) -> str:
    return TerminalRequestLines(coloured).passages([made]).decode()


def test_a_line_for_a_machine_has_all_that_happened() -> None:
    line = as_json(passage())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "tidegate.request",
        "message": "POST /v1/chat 200",
        "app": "demo",
        "replica": "demo-a1",
        "client": "9.9.9.9",
        "method": "POST",
        "path": "/v1/chat",
        "status": 200,
        "queue_ms": 250.0,
        "first_byte_ms": 1000.0,
        "total_ms": 2000.0,
        "bytes": 1234,
        "received_bytes": 56,
        "request_id": "id-1",
    }


def test_a_cold_start_retries_and_the_trace_are_told_where_there_were_any() -> None:
    made = passage()
    made.cold_seconds, made.retries, made.trace = 0.2, 2, Trace(b"", "ab" * 16, None)
    line = as_json(made)
    assert (line["cold_ms"], line["retries"], line["trace_id"]) == (200.0, 2, "ab" * 16)


def test_a_request_without_a_slot_has_waited_all_the_time() -> None:
    made = passage()
    made.granted_at = made.first_byte_at = 0.0
    line = as_json(made)
    assert (line["queue_ms"], line["first_byte_ms"]) == (2000.0, None)


def test_a_line_for_a_person_fits_on_one() -> None:
    _, text = as_text(passage()).split(" ", 1)
    assert text == "[demo-a1] 200 POST /v1/chat 2.00 s waited 250.0 ms, first byte 1.00 s, 1,234 bytes, id-1\n"


@pytest.mark.parametrize(("status", "colour"), [(200, "32"), (302, "36"), (404, "33"), (503, "31")])
def test_the_status_has_a_colour(status: int, colour: str) -> None:
    made = passage()
    made.status = status
    assert f"\x1b[{colour}m{status}\x1b[0m" in as_text(made, coloured=True)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (b"/a\nb", "/a\\x0ab"),
        (b"/\x1b[31m", "/\\x1b[31m"),
        (b"/\xff\xfe", "/\\xff\\xfe"),
        ("/ü".encode(), "/\\xc3\\xbc"),
        (b"/\x00\x7f", "/\\x00\\x7f"),
    ],
)
def test_what_a_client_says_cannot_break_the_log(target: bytes, told: str) -> None:
    assert as_json(passage(target))["path"] == told
    assert f" {told} " in as_text(passage(target))


def test_a_very_long_path_is_cut() -> None:
    assert len(as_json(passage(b"/" + b"x" * 100_000))["path"]) == TOLD_TARGET_BYTES


def test_a_request_that_could_not_be_read_is_told_too() -> None:
    made = Passage(Request(b"", b""), b"id", 400, 1.0)
    assert as_json(made)["status"] == 400
    assert " 400 (unreadable) 0.0 ms " in as_text(made)


@pytest.mark.parametrize("lines", [JsonRequestLines(), TerminalRequestLines(False)])
def test_losses_are_told(lines: JsonRequestLines | TerminalRequestLines) -> None:
    assert b"7 lines of the log were dropped" in lines.lost(7)

"""Requests as lines of the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from proxy.net.passage import Passage

_LOGGER = "tidegate.request"
_RESET = "\x1b[0m"
_COLOURS = {2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}
# An answer that took so long from its first byte to its last has two times that a person wants to know.
_STREAMED_SECONDS = 0.01
_DIM = "\x1b[2m"


class JsonRequestLines:
    """One JSON object a request; milliseconds from its turn on its connection on."""

    def passages(self, passages: Sequence[Passage]) -> bytes:
        since = _wall_clock()
        return b"".join(
            [orjson.dumps(_document(passage, since), option=orjson.OPT_APPEND_NEWLINE) for passage in passages]
        )

    def lost(self, count: int) -> bytes:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": "warning", "logger": "tidegate", "message": _lost(count), "lost_lines": count}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class TerminalRequestLines:
    """One line a request, for a person; `coloured` unless NO_COLOR is set (no-color.org)."""

    def __init__(self, coloured: bool) -> None:
        self._coloured = coloured

    def passages(self, passages: Sequence[Passage]) -> bytes:
        since = _wall_clock()
        return "".join([self._line(passage, since) for passage in passages]).encode()

    def lost(self, count: int) -> bytes:
        return f"{datetime.now().astimezone():%H:%M:%S} ! {_lost(count)}\n".encode()

    def _line(self, passage: Passage, since: float) -> str:
        when = datetime.fromtimestamp(since + passage.ended_at).astimezone()
        status, details = str(passage.status), ", ".join(_details(passage))
        if self._coloured:
            status = f"{_COLOURS.get(passage.status // 100, '')}{status}{_RESET}"
            details = f"{_DIM}{details}{_RESET}"
        source = f"[{_source(passage)}] " if passage.app else ""
        return f"{when:%H:%M:%S} {source}{status} {_said(passage)} {_duration(passage.seconds)} {details}\n"


def _document(passage: Passage, since: float) -> dict[str, object]:
    method, path = passage.method.decode(), visible(passage.path)
    first_byte = passage.first_byte_seconds
    line = {
        "time": datetime.fromtimestamp(since + passage.ended_at, UTC).isoformat(timespec="milliseconds"),
        "level": "info",
        "logger": _LOGGER,
        "message": f"{method} {path} {passage.status}",
        "app": passage.app,
        "replica": passage.replica,
        "client": passage.client.decode(),
        "method": method,
        "path": path,
        "status": passage.status,
        "queue_ms": _milliseconds(passage.queue_seconds),
        "first_byte_ms": None if first_byte is None else _milliseconds(first_byte),
        "total_ms": _milliseconds(passage.seconds),
        "bytes": passage.sent_bytes,
        "received_bytes": passage.received_bytes,
        "request_id": passage.request_id.decode(),
    }
    if passage.cold_seconds is not None:
        line["cold_ms"] = _milliseconds(passage.cold_seconds)
    if passage.retries:
        line["retries"] = passage.retries
    if passage.trace is not None:
        line["trace_id"] = passage.trace.trace_id
    return line


def _details(passage: Passage) -> Iterator[str]:
    if passage.queue_seconds >= 0.001:
        yield f"waited {_duration(passage.queue_seconds)}"
    if passage.cold_seconds is not None:
        yield f"cold start {_duration(passage.cold_seconds)}"
    first_byte = passage.first_byte_seconds
    if first_byte is not None and passage.seconds - first_byte >= _STREAMED_SECONDS:
        yield f"first byte {_duration(first_byte)}"
    if passage.retries:
        yield f"{passage.retries} retries"
    yield f"{passage.sent_bytes:,} bytes"
    yield passage.request_id.decode()


def _source(passage: Passage) -> str:
    return passage.replica or passage.app


def _said(passage: Passage) -> str:
    """What the client asked, as far as it could be read."""
    return f"{passage.method.decode()} {visible(passage.path)}" if passage.method else "(unreadable)"


def visible(path: bytes) -> str:
    """As it is, but for what could be taken for something else than one word of a line."""
    text = path.decode("ascii", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _lost(count: int) -> str:
    return f"{count} lines of the log were dropped: stderr was not read fast enough"


def _wall_clock() -> float:
    """What a time of time.monotonic lacks to be one of the calendar, in seconds."""
    return datetime.now(UTC).timestamp() - time.monotonic()

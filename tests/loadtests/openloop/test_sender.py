"""loadtests/openloop/sender.py: one connection and the answers that it gets."""

from __future__ import annotations

from typing import Any

import pytest
from bench.failure import BenchError
from openloop.sender import UNTOLD, Job, Line, Request, Told, _told

from proxy.simulation.trace import Call

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"took_seconds": 0.5}'
JOB = Job(Call(0, 1), due=0, sent=0)


class FakeSender:
    """Remembers what became of jobs."""

    def __init__(self) -> None:
        self.idle: dict[Line, None] = {}
        self.outcomes: list[tuple[int, str, float]] = []
        self.opened: list[Job] = []

    def ended(self, _: Job, status: int, error: str = "", told: Told = UNTOLD) -> None:
        self.outcomes.append((status, error, told.took))

    def open(self, job: Job) -> None:
        self.opened.append(job)


class FakeTransport:
    """Remembers its end."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close


def connected() -> tuple[Line, FakeSender, FakeTransport]:
    sender: Any = FakeSender()  # of a Sender and a Transport only what a line needs
    transport: Any = FakeTransport()
    line = Line(sender)
    line.connection_made(transport)
    line.send(JOB, b"request")
    return line, sender, transport


def test_an_answer_in_pieces_is_one_and_leaves_the_connection_idle() -> None:
    line, sender, _ = connected()
    for byte in ANSWER:
        line.data_received(bytes([byte]))
    assert sender.outcomes == [(200, "", 0.5)]
    assert list(sender.idle) == [line]


def test_a_connection_that_its_server_ends_is_not_used_again() -> None:
    line, sender, transport = connected()
    line.data_received(ANSWER.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
    assert sender.outcomes == [(200, "", 0.5)]
    assert not sender.idle
    assert transport.closed


def test_a_cut_answer_is_a_failure_told_once() -> None:
    line, sender, _ = connected()
    line.data_received(ANSWER[:-1])
    line.connection_lost(None)
    assert sender.outcomes[0][:2] == (0, "cut")
    assert len(sender.outcomes) == 1


def test_no_http_is_a_failure() -> None:
    line, sender, transport = connected()
    line.data_received(b"SSH-2.0 hello\r\n")
    assert sender.outcomes[0][:2] == (0, "no HTTP")
    assert transport.closed


def test_a_request_that_met_the_end_of_an_idle_connection_is_sent_over_another() -> None:
    line, sender, _ = connected()
    line.data_received(ANSWER)
    line.send(JOB, b"request")
    line.connection_lost(ConnectionResetError())
    assert sender.opened == [JOB]
    assert len(sender.outcomes) == 1


def test_a_fresh_connection_that_ends_is_a_failure() -> None:
    line, sender, _ = connected()
    line.connection_lost(ConnectionResetError())
    assert not sender.opened
    assert sender.outcomes[0][:2] == (0, "reset")


def test_latency_counts_from_the_moment_due_though_it_was_sent_later() -> None:
    sample = Job(Call(2, 1), due=102, sent=102.5).sample(100, 104, 200, "", UNTOLD)
    assert (sample.due, sample.lag, sample.latency) == (2, 0.5, 2)


def test_a_call_says_its_service_time_and_the_request_what_it_is_given() -> None:
    head = Request("http://127.0.0.1:8000/a?b=1", b"abc", {"authorization": "Bearer x"}).head().decode()
    assert head.startswith("POST /a?b=1 HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n")
    assert "authorization: Bearer x\r\ncontent-length: 3\r\n" in head


@pytest.mark.parametrize("url", ["localhost:8000", "https://localhost/", ""])
def test_an_address_that_is_none_is_refused_with_the_mend(url: str) -> None:
    with pytest.raises(BenchError, match="write http://HOST:PORT/PATH"):
        Request(url)


def test_an_answer_tells_when_and_where_the_service_began() -> None:
    said = b'{"took_seconds": 0.5, "began": 7.25, "replica": "r-1"}'
    assert _told(said) == Told(0.5, 7.25, "r-1")
    assert _told(b'{"took_seconds": null}') == UNTOLD

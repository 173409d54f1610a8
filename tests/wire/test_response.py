from __future__ import annotations

import pytest

from proxy.errors import ReplicaFailed
from proxy.wire.response import MAX_FIELDS, MAX_HEAD_BYTES, MAX_INTERIM
from tests.wire.sinks import Responses

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: %b\r\nx: y\r\n\r\n"


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("data", [OK, CHUNKED])
def test_a_response_is_the_same_however_it_arrives(data: bytes, step: int) -> None:
    responses = Responses().feed(data, step)
    assert (responses.last.status, responses.body, responses.ended) == (200, b"hello", True)
    assert responses.reader.reusable


def test_fields_that_end_here_are_gone_and_the_others_are_as_they_came() -> None:
    ends_here = b"keep-alive: 5\r\nupgrade: h2c\r\nx-request-id: theirs\r\nconnection: x-named\r\nx-named: 1\r\n"
    responses = Responses().feed(b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\n" + ends_here + b"set-cookie: b\r\n\r\n")
    assert responses.last.fields == [(b"Set-Cookie", b"a"), (b"set-cookie", b"b")]


@pytest.mark.parametrize(
    ("head_only", "data"),
    [
        (True, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (True, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        (False, b"HTTP/1.1 204 No\r\n\r\n"),
        (False, b"HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n"),
    ],
)
def test_some_responses_have_no_body_whatever_they_say(head_only: bool, data: bytes) -> None:
    responses = Responses(head_only).feed(data)
    assert (responses.ended, responses.last.bodiless, responses.reader.reusable) == (True, True, True)
    responses.ended = False
    responses.reader.expect(responses, False, b"")
    assert responses.feed(OK).body == b"hello"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    responses = Responses().feed(b"HTTP/1.1 200 OK\r\n\r\nhel").feed(b"lo")
    assert not responses.ended
    responses.reader.eof()
    assert (responses.body, responses.ended, responses.reader.reusable) == (b"hello", True, False)


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\na: b\r\n", OK[:-1], CHUNKED[:-2], CHUNKED[:-14]]
)
def test_an_early_end_of_the_connection_is_a_failure(data: bytes) -> None:
    responses = Responses().feed(data)
    with pytest.raises(ReplicaFailed):
        responses.reader.eof()
    assert not responses.ended


@pytest.mark.parametrize("step", [1, 1000])
def test_trailers_are_told_without_what_belongs_to_a_head(step: int) -> None:
    trailers = b"X-A: 1\r\nSet-Cookie: a\r\nx-request-id: theirs\r\nX-Named: 1\r\nx-a: 2\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nconnection: x-named\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
    responses = Responses().feed(head + trailers, step)
    assert responses.trailers == [(b"X-A", b"1"), (b"x-a", b"2")]
    assert (responses.last.fields, responses.reader.reusable) == ([], True)
    responses.ended = False
    responses.reader.expect(responses, False, b"")
    assert responses.feed(OK).trailers == [(b"X-A", b"1"), (b"x-a", b"2")]


def test_a_trailer_that_stops_the_parser_ends_the_connection() -> None:
    assert not Responses().feed(CHUNKED.replace(b"x: y", b"connection: close")).reader.reusable


@pytest.mark.parametrize("step", [7_000, 1 << 30])
@pytest.mark.parametrize("extra", [b"a: b\r\n" * (MAX_FIELDS + 2), b"a: " + b"b" * MAX_HEAD_BYTES])
def test_trailers_have_a_limit(extra: bytes, step: int) -> None:
    responses = Responses().feed(CHUNKED[: -len(b"x: y\r\n\r\n")])
    with pytest.raises(ReplicaFailed):
        responses.feed(extra, step)
    assert not responses.ended


def test_interim_answers_come_alone_before_the_final_one() -> None:
    responses = Responses().feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK)
    assert [response.status for response in responses.heads] == [100, 103, 200]
    assert (responses.heads[1].fields, responses.body) == ([(b"link", b"x")], b"hello")


@pytest.mark.parametrize("more", [b"x", OK])
def test_bytes_after_the_answer_condemn_the_connection_not_the_answer(more: bytes) -> None:
    together, apart = Responses().feed(OK + more), Responses().feed(OK).feed(more)
    for responses in (together, apart):
        assert (responses.body, responses.ended, responses.reader.reusable) == (b"hello", True, False)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.0 204 No\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_replica_that_closes_is_not_asked_again(data: bytes) -> None:
    assert not Responses().feed(data).reader.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * MAX_HEAD_BYTES,
        SWITCH % b"websocket",
    ],
)
def test_what_we_cannot_vouch_for_is_a_failure(data: bytes) -> None:
    with pytest.raises(ReplicaFailed):
        Responses().feed(data)


def test_a_switch_that_was_asked_for_leaves_http() -> None:
    responses = Responses(upgrade=b"websocket").feed(SWITCH % b"WebSocket" + b"\x00frame")
    assert (responses.last.status, responses.last.upgrade, responses.rest) == (101, b"WebSocket", b"\x00frame")
    assert responses.last.fields == [(b"x", b"y")]


@pytest.mark.parametrize("data", [SWITCH % b"other", b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\nx"])
def test_a_switch_to_something_else_is_a_failure(data: bytes) -> None:
    with pytest.raises(ReplicaFailed):
        Responses(upgrade=b"websocket").feed(data)

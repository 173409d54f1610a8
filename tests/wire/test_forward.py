from __future__ import annotations

import pytest

from proxy.wire.forward import (
    Framing,
    chunk,
    connection_field,
    interim_head,
    last_chunk,
    request_head,
    response_framing,
    response_head,
)
from tests.wire.sinks import Requests, Responses


def sent_on(data: bytes) -> bytes:
    return request_head(Requests().feed(data).last, b"9.9.9.9", b"id-1")


def test_a_request_is_written_anew_with_what_we_add() -> None:
    assert sent_on(b"POST /a?b HTTP/1.1\r\nX-B: c\r\nHost: h:1\r\nContent-Length: 05\r\nvia: 1.0 x\r\n\r\n") == (
        b"POST /a?b HTTP/1.1\r\nhost: h:1\r\nX-B: c\r\ncontent-length: 5\r\n"
        b"x-forwarded-for: 9.9.9.9\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:1\r\n"
        b"via: 1.0 x, 1.1 tidegate\r\nx-request-id: id-1\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (b"transfer-encoding: chunked\r\n", b"transfer-encoding: chunked"),
        (b"expect: 100-continue\r\n", b"expect: 100-continue"),
        (b"x-forwarded-for: 1.1.1.1\r\n", b"x-forwarded-for: 1.1.1.1, 9.9.9.9"),
        (b"connection: upgrade\r\nupgrade: a, b\r\n", b"connection: upgrade\r\nupgrade: a"),
        (b"authorization: Bearer k\r\n", b"authorization: Bearer k"),
        (b"te: gzip, trailers\r\nconnection: te\r\n", b"connection: te\r\nte: trailers"),
        (b"transfer-encoding: chunked\r\ntrailer: X-A, host\r\n", b"transfer-encoding: chunked\r\ntrailer: x-a"),
        (b"trailer: a\r\ntrailer: b\r\ntransfer-encoding: chunked\r\n", b"trailer: a, b"),
    ],
)
def test_what_ends_here_is_said_anew(fields: bytes, line: bytes) -> None:
    assert b"\r\n%b\r\n" % line in sent_on(b"GET / HTTP/1.1\r\nhost: h\r\n%b\r\n" % fields)


def test_a_client_of_http_1_0_is_forwarded_as_1_1_without_expectations() -> None:
    head = sent_on(b"GET / HTTP/1.0\r\nexpect: 100-continue\r\n\r\n")
    assert head.startswith(b"GET / HTTP/1.1\r\nhost: \r\n")
    assert b"via: 1.0 tidegate" in head
    assert b"expect" not in head


@pytest.mark.parametrize(
    ("version", "head", "framing"),
    [
        (b"1.1", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Framing.LENGTH),
        (b"1.1", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Framing.CHUNKED),
        (b"1.1", b"HTTP/1.1 200 OK\r\n\r\n", Framing.CHUNKED),
        (b"1.0", b"HTTP/1.1 200 OK\r\n\r\n", Framing.CLOSE),
        (b"1.1", b"HTTP/1.1 204 No\r\n\r\n", Framing.NO_BODY),
    ],
)
def test_the_end_of_a_body_is_marked_as_the_client_understands(version: bytes, head: bytes, framing: Framing) -> None:
    request = Requests().feed(b"GET / HTTP/%b\r\nhost: h\r\n\r\n" % version).last
    assert response_framing(request, Responses().feed(head).last) is framing


def test_a_response_is_written_anew_with_what_we_add() -> None:
    response = Responses().feed(b"HTTP/1.0 201 Made\r\nX: y\r\ncontent-length: 03\r\n\r\n").last
    head = response_head(response, Framing.LENGTH, b"added: 1\r\n")
    assert head == b"HTTP/1.1 201 Made\r\nX: y\r\ncontent-length: 3\r\nadded: 1\r\n\r\n"
    assert b"\r\ntransfer-encoding: chunked\r\n" in response_head(response, Framing.CHUNKED, b"")


def test_an_answer_without_content_has_no_length() -> None:
    response = Responses().feed(b"HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\n").last
    assert response_head(response, Framing.NO_BODY, b"") == b"HTTP/1.1 204 No\r\n\r\n"


def test_a_connection_that_goes_on_is_named_only_where_that_is_new() -> None:
    old = Requests().feed(b"GET / HTTP/1.0\r\n\r\n").last
    new = Requests().feed(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").last
    assert [connection_field(request, True) for request in (old, new)] == [b"connection: keep-alive\r\n", b""]
    assert connection_field(new, False) == b"connection: close\r\n"


def test_interim_answers_pass_as_they_are() -> None:
    hints = Responses().feed(b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n").last
    assert interim_head(hints, b"") == b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"
    switch = Responses(upgrade=b"w").feed(b"HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n").last
    assert interim_head(switch, b"a: b\r\n") == b"HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: w\r\na: b\r\n\r\n"


def test_a_chunk_says_its_length_in_hexadecimal() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        b"trailer: a\r\n",
        b"trailer: host, te\r\ntransfer-encoding: chunked\r\n",
        b"trailer: a\r\nconnection: trailer\r\ntransfer-encoding: chunked\r\n",
    ],
)
def test_trailers_that_cannot_follow_are_not_announced(fields: bytes) -> None:
    assert b"trailer" not in sent_on(b"POST / HTTP/1.1\r\nhost: h\r\n%b\r\n" % fields)
    response = Responses().feed(b"HTTP/1.1 200 OK\r\n%b\r\n" % fields).last
    assert b"trailer" not in response_head(response, Framing.CHUNKED if response.chunked else Framing.CLOSE, b"")


def test_an_answers_trailers_are_announced_where_they_can_follow() -> None:
    response = Responses().feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: X-A\r\n\r\n").last
    heads = [response_head(response, framing, b"") for framing in (Framing.CHUNKED, Framing.CLOSE)]
    assert [b"\r\ntrailer: x-a\r\n" in head for head in heads] == [True, False]


def test_trailers_follow_the_last_chunk() -> None:
    assert last_chunk([(b"X-A", b"1"), (b"b", b"")]) == b"0\r\nX-A: 1\r\nb: \r\n\r\n"

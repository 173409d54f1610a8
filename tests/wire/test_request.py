from __future__ import annotations

import pytest

from proxy.errors import AnswerError
from proxy.wire.request import Request
from tests.wire.sinks import Requests


def read(fields: bytes = b"host: a\r\n", line: bytes = b"GET /p HTTP/1.1") -> Request:
    return Requests().feed(b"%b\r\n%b\r\n" % (line, fields)).last


def refused(fields: bytes, line: bytes = b"POST /p HTTP/1.1") -> int:
    with pytest.raises(AnswerError) as error:
        read(fields, line)
    return error.value.status


def test_fields_that_end_here_are_gone_and_the_others_are_as_they_came() -> None:
    ends_here = b"te: trailers\r\nkeep-alive: 5\r\nproxy-connection: close\r\nx-forwarded-proto: https\r\n"
    request = read(b"Host: a\r\nX-B: 2\r\nconnection: x-named, close\r\nX-Named: 1\r\n" + ends_here + b"x-a: 1\r\n")
    assert request.fields == [(b"X-B", b"2"), (b"x-a", b"1")]
    assert (request.host, request.keep_alive) == (b"a", False)


def test_lists_of_hops_before_us_are_joined() -> None:
    request = read(b"host: a\r\nvia: 1.1 x\r\nx-forwarded-for: 1\r\nvia: 1.1 y\r\nx-forwarded-for: 2, 3\r\n")
    assert (request.via, request.forwarded_for) == (b"1.1 x, 1.1 y", b"1, 2, 3")


@pytest.mark.parametrize(("sent", "kept"), [(b"abc-1", b"abc-1"), (b"a b", b""), (b"x" * 129, b"")])
def test_only_a_sane_request_id_is_kept(sent: bytes, kept: bytes) -> None:
    assert read(b"host: a\r\nx-request-id: %b\r\n" % sent).request_id == kept


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"/a?b", b"h", b"/a?b"),
        (b"http://other:8/a", b"other:8", b"/a"),
        (b"http://other", b"other", b"/"),
        (b"HTTP://other?q", b"other", b"/?q"),
    ],
)
def test_the_authority_of_an_absolute_target_is_the_host(target: bytes, host: bytes, path: bytes) -> None:
    request = read(b"host: h\r\n", b"GET %b HTTP/1.1" % target)
    assert (request.host, request.target) == (host, path)


@pytest.mark.parametrize("target", [b"a", b"*", b"http://", b"http://u@h/", b"ftp://h/", b"/a#b", b"/\xff"])
def test_other_targets_are_refused(target: bytes) -> None:
    assert refused(b"host: h\r\n", b"GET %b HTTP/1.1" % target) == 400


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE"])
def test_what_a_gateway_does_not_do_is_refused(method: bytes) -> None:
    assert refused(b"host: h\r\n", b"%b %b HTTP/1.1" % (method, b"h:1" if method == b"CONNECT" else b"/")) == 405


@pytest.mark.parametrize("fields", [b"", b"host: a\r\nhost: a\r\n", b"host: a/b\r\n", b"host: a b\r\n"])
def test_one_valid_host_is_needed(fields: bytes) -> None:
    assert refused(fields) == 400


def test_a_body_is_of_a_length_or_chunked() -> None:
    assert read(b"host: a\r\ncontent-length: \t5 \t\r\n").length == 5
    assert read(b"host: a\r\ntransfer-encoding: Chunked\r\n").chunked
    assert read().bodiless


@pytest.mark.parametrize(
    "fields",
    [
        b"content-length: 5\r\ncontent-length: 5\r\n",
        b"content-length: 5, 5\r\n",
        b"content-length: +5\r\n",
        b"content-length: \r\n",
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip, chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: identity\r\n",
    ],
)
def test_ambiguous_bodies_are_refused(fields: bytes) -> None:
    assert refused(b"host: a\r\n" + fields) == 400


def test_http_1_0_needs_no_host_and_has_no_chunks() -> None:
    request = read(b"", b"GET / HTTP/1.0")
    assert (request.http10, request.keep_alive, request.host) == (True, False, None)
    assert read(b"connection: keep-alive\r\n", b"GET / HTTP/1.0").keep_alive
    assert refused(b"transfer-encoding: chunked\r\n", b"POST / HTTP/1.0") == 400


@pytest.mark.parametrize(
    ("fields", "line", "upgrade"),
    [
        (b"connection: keep-alive, Upgrade\r\nupgrade: websocket\r\n", b"GET / HTTP/1.1", b"websocket"),
        (b"connection: upgrade\r\nupgrade: h2c, foo/2\r\n", b"GET / HTTP/1.1", b"foo/2"),
        (b"connection: upgrade\r\nupgrade: H2C\r\n", b"GET / HTTP/1.1", b""),
        (b"upgrade: websocket\r\n", b"GET / HTTP/1.1", b""),
        (b"connection: upgrade\r\nupgrade: websocket\r\n", b"GET / HTTP/1.0", b""),
    ],
)
def test_an_upgrade_is_what_was_properly_asked_for(fields: bytes, line: bytes, upgrade: bytes) -> None:
    request = read(b"host: a\r\n" + fields, line)
    assert (request.upgrade, request.fields) == (upgrade, [])


def test_a_body_of_no_length_leaves_an_upgrade_be() -> None:
    assert read(b"host: a\r\nconnection: upgrade\r\nupgrade: x\r\ncontent-length: 0\r\n").upgrade == b"x"


def test_http_1_0_expects_no_100() -> None:
    assert read(b"host: a\r\nexpect: 100-Continue\r\n", b"POST / HTTP/1.1").expects_continue
    assert not read(b"host: a\r\nexpect: 100-continue\r\n", b"POST / HTTP/1.0").expects_continue


def test_max_forwards_counts_down_for_options_alone() -> None:
    options = b"OPTIONS /p HTTP/1.1"
    assert read(b"host: a\r\nmax-forwards: 0\r\n", options).final
    assert read(b"host: a\r\nmax-forwards: 3\r\n", options).fields == [(b"max-forwards", b"2")]
    request = read(b"host: a\r\nmax-forwards: 0\r\n")
    assert (request.final, request.fields) == (False, [(b"max-forwards", b"0")])


def test_what_may_be_sent_twice() -> None:
    assert read().idempotent
    assert not read(line=b"POST /p HTTP/1.1").idempotent
    assert not read(b"host: a\r\ncontent-length: 1\r\n").idempotent

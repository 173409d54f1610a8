from __future__ import annotations

import pytest

from proxy.errors import AnswerError
from proxy.wire.request_reader import MAX_EXTRA_BYTES, MAX_FIELDS, MAX_TARGET_BYTES
from tests.wire.sinks import Requests

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nx-sum: 1\r\n\r\n"
)
UPGRADE = b"GET /w HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


def refused(data: bytes, step: int = 1 << 30) -> int:
    with pytest.raises(AnswerError) as error:
        Requests().feed(data, step)
    return error.value.status


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_pipelined_requests_are_the_same_however_they_arrive(step: int) -> None:
    requests = Requests().feed(GET + POST + CHUNKED + GET, step)
    hello = b"body hello"
    chunked = [b"POST /c", hello, b"trailers x-sum: 1", b"end"]
    assert requests.log == [b"GET /a", b"end", b"POST /b", hello, b"end", *chunked, b"GET /a", b"end"]
    assert requests.reader.idle


def test_what_is_on_its_way_is_told() -> None:
    requests = Requests()
    assert requests.reader.idle
    requests.feed(POST[:10])
    assert (requests.reader.idle, requests.reader.in_body) == (False, False)
    requests.feed(POST[10:-1])
    assert requests.reader.in_body
    requests.feed(POST[-1:])
    assert requests.reader.idle


def test_requests_before_the_fault_are_read() -> None:
    requests = Requests()
    with pytest.raises(AnswerError):
        requests.feed(GET + b"nonsense\r\n\r\n")
    assert requests.log == [b"GET /a", b"end"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /a\r\n\r\n", 505),
        (b"GET /a HTTP/2.0\r\nhost: x\r\n\r\n", 505),
        (b"GET /a HTTP/1.1\nhost: x\n\n", 400),
        (b"GET /a HTTP/1.1\r\nhost : x\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nhost: x\r\nfolded: a\r\n b\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nz\r\n", 400),
        (b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    ],
)
def test_malformed_requests_are_refused(data: bytes, status: int) -> None:
    assert refused(data) == status


@pytest.mark.parametrize("step", [1000, 1 << 30])
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"a" * 70_000, 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * MAX_FIELDS + b"\r\n", 431),
    ],
)
def test_a_head_has_limits(data: bytes, status: int, step: int) -> None:
    assert refused(data, step) == status


@pytest.mark.parametrize("step", [1000, 1 << 30])
@pytest.mark.parametrize(
    "extra",
    [
        b"5;" + b"x" * 2 * MAX_EXTRA_BYTES + b"\r\nhello\r\n0\r\n\r\n",
        b"0\r\na: " + b"b" * 2 * MAX_EXTRA_BYTES + b"\r\n",
        b"0\r\n" + b"a: b\r\n" * (MAX_FIELDS + 1),
    ],
)
def test_what_is_not_the_body_has_a_limit_before_its_end_is_told(extra: bytes, step: int) -> None:
    requests = Requests()
    with pytest.raises(AnswerError, match="chunk extensions or trailers"):
        requests.feed(b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + extra + b"\r\n", step)
    assert requests.log == [b"POST /a"]


@pytest.mark.parametrize("step", [1, 1000])
def test_trailers_are_told_before_the_end_without_what_belongs_to_a_head(step: int) -> None:
    head = CHUNKED.partition(b"3\r\n")[0]
    trailers = b"X-A: 1\r\nHost: b\r\nX-Forwarded-For: 1\r\nx-a: 2\r\n"
    requests = Requests().feed(head + b"0\r\n" + trailers + b"\r\n" + head + b"0\r\nhost: b\r\n\r\n" + GET, step)
    assert requests.log == [b"POST /c", b"trailers X-A: 1, x-a: 2", b"end", b"POST /c", b"end", b"GET /a", b"end"]
    assert requests.heads[0].fields == []


def test_a_long_body_in_small_chunks_is_nothing_else() -> None:
    requests = Requests().feed(CHUNKED.partition(b"3\r\n")[0] + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n")
    assert requests.log == [b"POST /c", b"body " + b"a" * 50_000, b"end"]


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_of_a_request_with_a_body_an_upgrade_is_ignored(protocol: bytes, step: int) -> None:
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: %b\r\nhttp2-settings: A\r\n" % protocol
    messages = [message.replace(b"\r\n", b"\r\n" + offer, 1) for message in (POST, CHUNKED)]
    requests = Requests().feed(b"".join(messages) + GET, step)
    plain = Requests().feed(POST + CHUNKED + GET, step)
    assert requests.log == plain.log
    assert [(head.upgrade, head.fields) for head in requests.heads[:2]] == [(b"", []), (b"", [])]
    assert not requests.reader.holding


def test_what_follows_a_request_to_upgrade_is_held_until_it_is_released() -> None:
    requests = Requests().feed(UPGRADE + GET[:5]).feed(GET[5:])
    assert requests.log == [b"GET /w", b"end"]
    assert requests.reader.holding
    requests.feed(requests.reader.release())
    assert not requests.reader.holding
    assert requests.log == [b"GET /w", b"end", b"GET /a", b"end"]

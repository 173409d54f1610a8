from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.known_head import MAX_BYTES, KnownHead
from proxy.wire.response import ResponseReader
from tests.wire.sinks import Requests, Responses

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
OTHER = b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nGET /"
CHUNKED = b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
EXPECTING = b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: y\r\n\r\nok"


def test_a_repeated_head_is_not_parsed_again() -> None:
    requests = Requests().feed(POST).feed(OTHER)
    assert requests.heads[0] is requests.heads[1]
    assert requests.log == [b"POST /b", b"body hello", b"end", b"POST /b", b"body GET /", b"end"]
    assert requests.reader.idle


@pytest.mark.parametrize("message", [CHUNKED, EXPECTING, GET.replace(b"/a", b"/" + b"a" * MAX_BYTES)])
def test_what_may_not_be_repeated_is_parsed_again(message: bytes) -> None:
    requests = Requests().feed(message).feed(message)
    assert requests.heads[0] is not requests.heads[1]


def test_empty_lines_are_never_taken_for_the_request_before_them() -> None:
    requests = Requests().feed(GET).feed(b"\r\n\r\n").feed(b"\r\n\r\n").feed(GET)
    assert requests.log == [b"GET /a", b"end"] * 2


@given(
    st.lists(st.sampled_from([GET, POST, OTHER, CHUNKED, EXPECTING, b"\r\n", b"\r\n\r\n"]), max_size=12),
    st.lists(st.integers(1, 120), min_size=1, max_size=20),
)
def test_requests_are_read_the_same_with_and_without_known_heads(messages: list[bytes], steps: list[int]) -> None:
    data = b"".join(messages)
    byte_by_byte = Requests().feed(data, 1)
    by_message, in_pieces = Requests(), Requests()
    for message in messages:
        by_message.feed(message)
    while data:
        step = steps[len(data) % len(steps)]
        in_pieces.feed(data[:step])
        data = data[step:]
    assert by_message.log == byte_by_byte.log == in_pieces.log


def test_a_repeated_answer_is_not_parsed_again() -> None:
    reader = ResponseReader()
    answers = []
    for body in (b"ok", b"no"):
        sink = Responses()
        reader.expect(sink, head_only=False, upgrade=b"")
        reader.feed(OK[:-2] + body)
        answers.append(sink)
        assert (sink.body, sink.ended, reader.reusable) == (body, True, True)
    assert answers[0].last is answers[1].last


def test_bytes_after_a_repeated_answer_are_stray() -> None:
    reader = ResponseReader()
    for data, reusable in ((OK, True), (OK + OK, False)):
        reader.expect(sink := Responses(), head_only=False, upgrade=b"")
        reader.feed(data)
        assert (sink.body, sink.ended, reader.reusable) == (b"ok", True, reusable)


def test_an_answer_to_head_is_not_taken_for_a_known_one() -> None:
    reader = ResponseReader()
    reader.expect(Responses(), head_only=False, upgrade=b"")
    reader.feed(OK)
    reader.expect(sink := Responses(), head_only=True, upgrade=b"")
    reader.feed(OK[:-2])
    assert (sink.body, sink.ended) == (b"", True)


def test_only_a_head_with_all_of_its_body_is_learnt() -> None:
    known: KnownHead[str] = KnownHead()
    known.learn(POST[:-1], "cut", 5)
    assert known.body(POST[:-1]) is None
    known.learn(POST, "whole", 5)
    assert (known.body(OTHER), known.message) == (b"GET /", "whole")
    assert known.body(POST + b"!") is None
    assert known.body(GET) is None

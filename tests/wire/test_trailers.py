from __future__ import annotations

import pytest

from proxy.wire.trailers import announced, passed_on

HEAD_ONLY = [
    b"Transfer-Encoding", b"Content-Length", b"Host", b"Connection", b"TE", b"Trailer", b"Upgrade", b"Keep-Alive",
    b"Authorization", b"Proxy-Authorization", b"WWW-Authenticate", b"Cookie", b"Set-Cookie",
    b"Cache-Control", b"Expect", b"Max-Forwards", b"Range", b"If-Match", b"Retry-After", b"Location", b"Vary",
    b"Content-Type", b"Content-Encoding", b"Content-Range",
    b"Via", b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Anything", b"X-Request-Id", b"X-Tidegate-Replica",
    b"Server-Timing",
]  # fmt: skip


@pytest.mark.parametrize("name", HEAD_ONLY)
def test_what_only_a_head_may_say_does_not_go_on(name: bytes) -> None:
    assert passed_on([(name, b"1"), (b"X-Sum", b"1")], []) == [(b"X-Sum", b"1")]
    assert announced(b"", b"x-a, " + name) == b"x-a"


@pytest.mark.parametrize("name", [b"ETag", b"Digest", b"Content-Digest", b"Authentication-Info", b"grpc-status"])
def test_what_may_come_late_goes_on(name: bytes) -> None:
    assert passed_on([(name, b"1")], [(b"Host", b"a")]) == [(name, b"1")]


def test_what_the_heads_connection_fields_name_does_not_go_on() -> None:
    head = [(b"Connection", b"close, X-A"), (b"connection", b"x-b")]
    assert passed_on([(b"x-a", b"1"), (b"X-B", b"2"), (b"x-c", b"3")], head) == [(b"x-c", b"3")]


def test_several_trailer_fields_announce_one_list() -> None:
    assert announced(announced(b"", b"X-A,, x-b"), b"x-c") == b"x-a, x-b, x-c"

from __future__ import annotations

import pytest

from proxy.wire.fields import tokens, valid_host, valid_length, valid_protocol, valid_target, without


def test_a_list_is_read_without_empty_members_in_lower_case() -> None:
    assert list(tokens(b" Close,, \tX-A ,")) == [b"close", b"x-a"]


def test_fields_that_are_named_go_whatever_their_case() -> None:
    fields = [(b"X-A", b"1"), (b"x-b", b"2")]
    assert without(fields, {b"x-a", b"close"}) == [(b"x-b", b"2")]
    assert without(fields, {b"close", b"keep-alive"}) is fields


@pytest.mark.parametrize("host", [b"a.b", b"a:80", b"[::1]:80", b"", b"a%20b"])
def test_a_host_is_a_name_or_an_address(host: bytes) -> None:
    assert valid_host(host)


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"a:b", b"[::1", b"u@h", b"a:123456"])
def test_anything_else_is_no_host(host: bytes) -> None:
    assert not valid_host(host)


def test_targets_lengths_and_protocols_are_checked_whole() -> None:
    assert [bool(valid_target(value)) for value in (b"/a%20?b=c", b"/a b", b"/a#b", b"/\x7f", b"a")] == [
        True,
        *[False] * 4,
    ]
    assert [bool(valid_length(value)) for value in (b"0", b"12", b"1" * 20, b"1\n", b"")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [bool(valid_protocol(value)) for value in (b"websocket", b"a/1.1", b"a b", b"")] == [
        True,
        True,
        False,
        False,
    ]

"""loadtests/token_stream.py: when the tokens of a chat came."""

from __future__ import annotations

import pytest
from token_stream import TokenStream

TOKEN = b'data: {"choices": [{"delta": {"content": "tide "}}]}\n'
ROLE = b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n'


def fed(*lines: tuple[bytes, float]) -> TokenStream:
    stream = TokenStream()
    for line, now in lines:
        stream.take(line, now)
    return stream


def test_tokens_are_timed_from_the_request() -> None:
    stream = fed((ROLE, 0.1), (TOKEN, 0.5), (b"\n", 0.5), (TOKEN, 0.75), (TOKEN, 1.0), (b"data: [DONE]\n", 1.0))
    assert stream.first_seconds == 0.5
    assert stream.gaps == [0.25, 0.25]
    assert stream.tokens_per_second == 3
    assert stream.complete


def test_a_stream_without_its_end_is_not_complete() -> None:
    assert not fed((TOKEN, 0.5)).complete


def test_a_chat_without_tokens_has_no_times() -> None:
    stream = fed((b'data: {"choices": []}\n', 0.2), (b"data: [DONE]\n", 0.3))
    assert (stream.first_seconds, stream.gaps, stream.tokens_per_second) == (None, [], None)


@pytest.mark.parametrize("line", [b"<html>\n", b"data: {cut\n"])
def test_what_is_no_event_of_a_chat_is_told(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"is no event|Expecting"):
        TokenStream().take(line, 0)

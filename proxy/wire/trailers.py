"""Trailer fields: which of them may follow a body here (RFC 9110 section 6.5)."""

from __future__ import annotations

from typing import Final

from proxy.wire.fields import HOP_BY_HOP, Field, tokens

# What only a head may say (RFC 9110 section 6.5.1; the kinds are those of RFC 7230 section 4.1.2), and what we say.
_HEAD_ONLY: Final = HOP_BY_HOP | frozenset(
    (
        # framing, routing
        b"content-length",
        b"forwarded",
        b"host",
        b"via",
        # authentication
        b"authorization",
        b"cookie",
        b"proxy-authentication-info",
        b"set-cookie",
        b"www-authenticate",
        # how to treat the request or the answer
        b"age",
        b"cache-control",
        b"date",
        b"expect",
        b"expires",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"location",
        b"max-forwards",
        b"pragma",
        b"range",
        b"retry-after",
        b"vary",
        b"warning",
        # what the content is
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-location",
        b"content-range",
        b"content-type",
        # ours
        b"server-timing",
        b"x-request-id",
        b"x-tidegate-replica",
    )
)


def may_trail(name: bytes) -> bool:
    """`name` in lower case."""
    return name not in _HEAD_ONLY and not name.startswith(b"x-forwarded-")


def announced(before: bytes, value: bytes) -> bytes:
    """The names in a Trailer field that may follow, after those of the fields `before` it."""
    names = [name for name in tokens(value) if may_trail(name)]
    return b", ".join([before, *names] if before else names)


def passed_on(trailers: list[Field], head: list[Field]) -> list[Field]:
    """Those that may go on: Connection fields of the `head` may name more that may not."""
    named = {member for name, value in head if name.lower() == b"connection" for member in tokens(value)}
    return [(name, value) for name, value in trailers if may_trail(name.lower()) and name.lower() not in named]

"""Header fields: which end here, which are well formed, and how a list is read (RFC 9110 sections 5 and 7.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable

Field = tuple[bytes, bytes]

# Fields for one connection only; they end at this hop (RFC 9110 section 7.6.1).
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"http2-settings",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

# What a Connection field mostly names; these are gone without looking.
_USUAL = frozenset((b"close", b"keep-alive", b"upgrade"))

_HOST = re.compile(
    rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?::[0-9]{0,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{0,5})?"
)
_TARGET = re.compile(rb"/[\x21\x22\x24-\x7e]*")  # no space, control, fragment or byte above ASCII
_DIGITS = re.compile(rb"[0-9]{1,19}")
_PROTOCOL = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~\-]+(?:/[A-Za-z0-9!#$%&'*+.^_`|~\-]+)?")  # RFC 9110 section 7.8
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:@/+=\-]{1,128}")

valid_host = _HOST.fullmatch
valid_target = _TARGET.fullmatch
valid_length = _DIGITS.fullmatch
valid_protocol = _PROTOCOL.fullmatch
sane_request_id = _REQUEST_ID.fullmatch


def tokens(value: bytes) -> Iterable[bytes]:
    """The members of a comma-separated list, lower case, empty ones left out."""
    for member in value.lower().split(b","):
        stripped = member.strip(b" \t")
        if stripped:
            yield stripped


def without(fields: list[Field], named: set[bytes]) -> list[Field]:
    """The fields that a Connection field has not named (RFC 9110 section 7.6.1)."""
    if named <= _USUAL:
        return fields
    return [field for field in fields if field[0].lower() not in named]

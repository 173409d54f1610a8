"""A key's text, tg_<id>_<secret>: the id is public, and of the secret only a hash is ever kept."""

from __future__ import annotations

import hashlib
from typing import Final

PREFIX: Final = b"tg_"
ID_BYTES: Final = 5
SECRET_BYTES: Final = 32


def hashed(secret: bytes) -> bytes:
    """Hexadecimal SHA-256. A slow hash is for what people make up; nobody guesses 32 random bytes."""
    return hashlib.sha256(secret).hexdigest().encode()


def split(text: bytes) -> tuple[bytes, bytes]:
    """Id and secret; the id is empty if `text` is no key."""
    if not text.startswith(PREFIX):
        return b"", text
    key_id, _, secret = text[len(PREFIX) :].partition(b"_")
    return key_id, secret

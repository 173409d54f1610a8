"""Who may use an app: bearer keys, kept and compared as hashes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from proxy.errors import Forbidden, Unauthorized

_SCHEME = b"bearer "


class Keys:
    """The SHA-256 hashes (hexadecimal) of the keys that open an app."""

    def __init__(self, hashes: Iterable[str]) -> None:
        self._hashes = tuple(value.lower().encode() for value in hashes)

    def check(self, authorization: bytes) -> None:
        """Raises Unauthorized without a key, Forbidden with an unknown one."""
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthorized("this app needs a key: send it as Authorization: Bearer KEY")
        digest = hashlib.sha256(authorization[len(_SCHEME) :].strip()).hexdigest().encode()
        # Every hash is compared, in constant time: the answer's time tells nothing about the keys.
        if sum(hmac.compare_digest(digest, known) for known in self._hashes) == 0:
            raise Forbidden("this key does not open this app")

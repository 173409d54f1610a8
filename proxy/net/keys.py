"""Who may use an app, and how much: keys kept and compared as hashes, and signed tokens."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from proxy.core.allowance import Allowance, Allowances, Limits
from proxy.core.key import hashed, split
from proxy.errors import Forbidden, Unauthorized

if TYPE_CHECKING:  # read with pydantic, which the container entrypoint has no time to import
    from proxy.config.key_file import KeyRecord

_SCHEME: Final = b"bearer "
_FAREWELL: Final = float("inf")
# Compared with where there is no such key, so that this takes as long.
_NOBODYS: Final = hashed(b"")


class Key:
    """One key: the hash of its secret, the apps it opens (none: all), when it ends in seconds since 1970."""

    __slots__ = ("allowance", "apps", "ends_at", "hash", "revoked")

    def __init__(self, record: KeyRecord, allowance: Allowance) -> None:
        self.hash = record.sha256.encode()
        self.apps = frozenset(record.apps)
        self.ends_at = _FAREWELL if record.expires is None else record.expires.timestamp()
        self.revoked = record.revoked is not None
        self.allowance = allowance

    def opens(self, app: str) -> bool:
        return not self.revoked and (not self.apps or app in self.apps)

    @property
    def expired(self) -> bool:
        return self.ends_at != _FAREWELL and self.ends_at <= datetime.now(UTC).timestamp()


class Keyring:
    """The keys of all apps, by their public ids."""

    def __init__(self) -> None:
        self._keys: dict[bytes, Key] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def take(self, records: Iterable[KeyRecord]) -> None:
        """These are all there are now; what is in flight of those that stay goes on being counted."""
        before, self._keys = self._keys, {}
        for record in records:
            key_id = record.id.encode()
            limits = Limits(record.concurrency or 0, record.requests_per_second or 0.0, record.burst or 0)
            known = before.get(key_id)
            allowance = Allowance(limits) if known is None else known.allowance
            allowance.limit(limits)
            self._keys[key_id] = Key(record, allowance)

    def find(self, text: bytes) -> Key | None:
        """The key whose text this is. Its secret is compared in constant time; ids are no secret."""
        key_id, secret = split(text)
        key = self._keys.get(key_id)
        same = hmac.compare_digest(hashed(secret), _NOBODYS if key is None else key.hash)
        return key if same else None

    def allowances(self) -> dict[str, Allowance]:
        """What each may use and has used, by its id."""
        return {key_id.decode(): key.allowance for key_id, key in self._keys.items()}

    def opens(self, app: str) -> bool:
        """Whether any key opens the app."""
        return any(key.opens(app) and not key.expired for key in self._keys.values())


class Tokens(Protocol):
    """Knows whose a token is."""

    allowances: Allowances

    @property
    def file(self) -> Path | None:
        """What to load from when it changes."""

    def load(self) -> None:
        """Raises ConfigError, and keeps what it had then."""

    def subject(self, text: bytes, lapsed: bool) -> str:
        """Raises Forbidden; `lapsed`: also if the token's time is over."""


class Checks(Protocol):
    """What stands at the way into a service."""

    def admit(self, authorization: bytes, now: float, service_seconds: float) -> Allowance | None:
        """Whom to give back one request that has ended, if anybody. Raises Unauthorized, Forbidden or RateLimited."""

    def identify(self, authorization: bytes, now: float, lapsed: bool = False) -> Allowance:
        """Whose request it is; `lapsed`: it was let in before, and may go on when its time is over meanwhile.

        Raises Unauthorized without a key, Forbidden with one that does not open this app.
        """


class Keys:
    """The keys that open one app; `tokens` is None where it takes none."""

    def __init__(self, app: str, ring: Keyring, tokens: Tokens | None = None) -> None:
        self._app = app
        self._ring = ring
        self.tokens = tokens

    def admit(self, authorization: bytes, now: float, service_seconds: float) -> Allowance | None:
        allowance = self.identify(authorization, now)
        allowance.enter(now, service_seconds)
        return allowance

    def identify(self, authorization: bytes, now: float, lapsed: bool = False) -> Allowance:
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthorized("this app needs a key: send it as Authorization: Bearer KEY")
        text = authorization[len(_SCHEME) :].strip()
        if self.tokens is not None and text.count(b".") == 2:
            return self.tokens.allowances.of(self.tokens.subject(text, lapsed), now)
        key = self._ring.find(text)
        if key is None or not key.opens(self._app):
            raise Forbidden("this key does not open this app")
        if key.expired and not lapsed:
            raise Forbidden("this key has expired")
        return key.allowance

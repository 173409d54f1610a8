"""Signed tokens (RFC 7519) as keys, checked by PyJWT, and only with the one algorithm that the key at hand is for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.auth import Jwt
from proxy.core.allowance import Allowances, Limits
from proxy.errors import ConfigError, Forbidden

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# RFC 7518 section 3.2 and 3.3: what is shorter can be guessed.
LEAST_SECRET_BYTES = 32
LEAST_RSA_BITS = 2048
# So many tokens are remembered as good; an RSA signature costs more to check than the rest of a request.
REMEMBERED = 1_000


class JwtTokens:
    """Checks one app's tokens; `settings` say how, and `cerebrium_toml` is where they are written."""

    def __init__(self, settings: Jwt, cerebrium_toml: Path) -> None:
        self.allowances = Allowances(
            Limits(settings.concurrency, settings.requests_per_second, settings.burst),
        )
        self._settings = settings
        self._toml = cerebrium_toml
        self._algorithm = "RS256" if settings.jwks_file else "HS256"
        self._keys: Mapping[str | None, bytes | RSAPublicKey] = {}
        self._good: dict[bytes, tuple[str, float]] = {}  # their subjects, and when they end
        self.load()

    @property
    def file(self) -> Path | None:
        """Where the keys are, if in a file."""
        name = self._settings.jwks_file or self._settings.secret_file
        return self._toml.parent / name if name else None

    def load(self) -> None:
        """Read the keys, anew. Raises ConfigError, and keeps the old ones then."""
        try:
            import jwt
        except ImportError:
            raise self._mistake("needs PyJWT", "install tidegate[jwt]") from None
        if self._algorithm == "RS256" and not jwt.algorithms.has_crypto:
            raise self._mistake("needs cryptography for a jwks_file", "install tidegate[jwt]")
        self._keys = self._public_keys() if self._algorithm == "RS256" else {None: self._secret()}
        self._good.clear()

    def subject(self, text: bytes, lapsed: bool) -> str:
        """Whose token it is; `lapsed`: also if its time is over. Raises Forbidden."""
        known = self._good.get(text)
        if known is not None and (lapsed or datetime.now(UTC).timestamp() < known[1]):
            return known[0]
        subject, ends_at = self._checked(text, lapsed)
        if len(self._good) >= REMEMBERED:
            self._good.clear()
        self._good[text] = subject, ends_at
        return subject

    def _checked(self, text: bytes, lapsed: bool) -> tuple[str, float]:
        import jwt

        settings = self._settings
        try:
            claims = jwt.decode(
                text,
                self._key_of(text),
                algorithms=[self._algorithm],
                audience=settings.audience or None,
                issuer=settings.issuer or None,
                leeway=settings.leeway_seconds,
                options={"require": ["exp", "sub"], "verify_exp": not lapsed},
            )
            return claims["sub"], float(claims["exp"]) + settings.leeway_seconds
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:  # the latter: claims of odd types
            raise Forbidden(f"this token does not open this app: {error}") from None

    def _key_of(self, text: bytes) -> bytes | RSAPublicKey:
        """The key that the token's head names; with a single one, that one. Raises InvalidTokenError."""
        import jwt

        key_id = jwt.get_unverified_header(text).get("kid") if len(self._keys) > 1 else next(iter(self._keys))
        if key_id not in self._keys:
            raise jwt.InvalidTokenError("it names no key that is known here")
        return self._keys[key_id]

    def _secret(self) -> bytes:
        name = self._settings.secret_env
        secret = os.environ.get(name, "").encode() if name else self._content().strip()
        place = f"the environment variable {name}" if name else f"the file {self.file}"
        if len(secret) < LEAST_SECRET_BYTES:
            raise self._mistake(
                f"finds {len(secret)} bytes in {place}", f"let it hold a secret of at least {LEAST_SECRET_BYTES}"
            )
        return secret

    def _public_keys(self) -> Mapping[str | None, RSAPublicKey]:
        import jwt
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

        try:
            found = jwt.PyJWKSet.from_json(self._content().decode()).keys
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError) as error:  # what JSON may hold
            raise self._mistake(f"cannot use {self.file}: {error}", "let it be a JSON Web Key Set") from None
        keys: dict[str | None, RSAPublicKey] = {}
        for each in found:
            if each.algorithm_name != "RS256" or each.public_key_use not in {None, "sig"}:
                continue
            key = each.key.public_key() if isinstance(each.key, RSAPrivateKey) else each.key
            if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
                keys[each.key_id] = key
        if not keys:
            raise self._mistake(
                f"finds no key for RS256 in {self.file}", f"add an RSA key of at least {LEAST_RSA_BITS} bits"
            )
        return keys

    def _content(self) -> bytes:
        file = self.file or Path()
        try:
            return file.read_bytes()
        except OSError as error:
            raise self._mistake(f"cannot read {file}: {error.strerror}", "name a file that can be read") from None

    def _mistake(self, what: str, mend: str) -> ConfigError:
        return ConfigError(f"{self._toml}: tidegate.auth.jwt {what}: {mend}")

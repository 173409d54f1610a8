"""Signed tokens, and the keys that they are signed with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

SECRET = "a secret of thirty-two bytes or more"
ENDS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
OVER = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
CLAIMS: dict[str, object] = {"sub": "ann", "exp": ENDS}


def signed(claims: dict[str, object], key: str | rsa.RSAPrivateKey = SECRET, **head: object) -> bytes:
    return jwt.encode(claims, key, "HS256" if isinstance(key, str) else "RS256", head or None).encode()


@cache
def made_key(_name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for the same name."""
    return made_key(name, bits)


def key_set(folder: Path, *names: str, bits: int = 2048) -> Path:
    keys = [
        {
            **jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(name, bits).public_key(), as_dict=True),
            "kid": name,
            "alg": "RS256",
        }
        for name in names
    ]
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    return file

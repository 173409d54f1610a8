"""Keys whose secret is "secret", and an app that they open."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from proxy.config.key_file import KeyRecord
from proxy.net.keys import Keyring, Keys
from tests.net.fakes import Table

OPENS = "authorization: bearer tg_k1_secret\r\n"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def record(key_id: object = "k1", **fields: object) -> KeyRecord:
    """Its text is tg_<key_id>_secret."""
    document = {"id": key_id, "sha256": hashlib.sha256(b"secret").hexdigest(), "created": CREATED} | fields
    return KeyRecord.model_validate(document)


def give_key(table: Table, app: str = "demo", **fields: object) -> Keyring:
    """One key opens the (first) app: OPENS."""
    keyring = Keyring()
    keyring.take([record("k1", **fields)])
    table.app.service.keys = Keys(app, keyring)
    return keyring

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from proxy.config.key_file import KeyRecord
from proxy.errors import AnswerError, Forbidden, RateLimited, Unauthorized
from proxy.net.keys import Keyring, Keys
from tests.net.key_records import record

SOON = datetime.now(UTC) + timedelta(hours=1)
PAST = datetime.now(UTC) - timedelta(seconds=1)


def ring(*records: KeyRecord) -> Keyring:
    made = Keyring()
    made.take(records)
    return made


def said(keys: Keys, authorization: bytes, lapsed: bool = False) -> type[AnswerError] | None:
    try:
        keys.identify(authorization, 0.0, lapsed)
    except AnswerError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        (b"Bearer tg_k1_secret", None),
        (b"bearer  tg_k1_secret ", None),
        (b"", Unauthorized),
        (b"Basic tg_k1_secret", Unauthorized),
        (b"tg_k1_secret", Unauthorized),
        (b"Bearer ", Forbidden),
        (b"Bearer tg_k1_secre", Forbidden),
        (b"Bearer tg_k1_", Forbidden),
        (b"Bearer tg_k2_secret", Forbidden),
        (b"Bearer secret", Forbidden),
        (b"Bearer tg__", Forbidden),
        (b"Bearer a.b.c", Forbidden),
        (b"Bearer \xff\x00", Forbidden),
    ],
)
def test_an_app_opens_for_its_key_alone(authorization: bytes, refusal: type[AnswerError] | None) -> None:
    assert said(Keys("demo", ring(record())), authorization) is refusal


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"apps": ["demo", "other"]}, None),
        ({"apps": ["other"]}, Forbidden),
        ({"revoked": PAST}, Forbidden),
        ({"expires": SOON}, None),
        ({"expires": PAST}, Forbidden),
    ],
)
def test_a_key_opens_its_apps_while_it_is_valid(fields: dict[str, object], refusal: type[AnswerError] | None) -> None:
    assert said(Keys("demo", ring(record(**fields))), b"Bearer tg_k1_secret") is refusal


def test_who_was_let_in_before_may_go_on_when_the_key_has_expired_but_not_when_it_is_revoked() -> None:
    assert said(Keys("demo", ring(record(expires=PAST))), b"Bearer tg_k1_secret", lapsed=True) is None
    assert said(Keys("demo", ring(record(revoked=PAST))), b"Bearer tg_k1_secret", lapsed=True) is Forbidden


def test_a_new_set_of_keys_counts_on_what_is_in_flight() -> None:
    keyring = ring(record(concurrency=1))
    keys = Keys("demo", keyring)
    allowance = keys.admit(b"Bearer tg_k1_secret", 0.0, 0.0)
    keyring.take([record(concurrency=1, name="renamed"), record("k2")])
    with pytest.raises(RateLimited):
        keys.admit(b"Bearer tg_k1_secret", 0.0, 0.0)
    assert allowance is not None
    allowance.leave()
    keys.admit(b"Bearer tg_k1_secret", 0.0, 0.0)
    assert {key_id: each.requests for key_id, each in keyring.allowances().items()} == {"k1": 2, "k2": 0}


def test_a_key_that_is_not_in_the_new_set_opens_nothing() -> None:
    keyring = ring(record())
    keyring.take([])
    assert said(Keys("demo", keyring), b"Bearer tg_k1_secret") is Forbidden


def test_whether_any_key_opens_an_app_is_known() -> None:
    keyring = ring(record(apps=["other"]), record("k2", revoked=PAST), record("k3", expires=PAST))
    assert (keyring.opens("demo"), keyring.opens("other")) == (False, True)

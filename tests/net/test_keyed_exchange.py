"""Requests that come with a key: what it opens, and that each request counts for it until its end, whatever that is."""

from __future__ import annotations

import pytest

from proxy.net.service import Terms
from tests.net.fakes import Table
from tests.net.house import app_config
from tests.net.key_records import OPENS, give_key

LOCKED = "disable_auth = false"


@pytest.mark.parametrize(
    ("toml", "forwarded"),
    [
        (LOCKED, False),
        (LOCKED + "\n[tidegate.auth]\nforward_authorization = true", True),
        ("", True),
    ],
)
def test_a_key_is_not_forwarded_unless_asked(toml: str, forwarded: bool) -> None:
    table = Table(toml)
    give_key(table)
    near = table.client()
    near.get(fields=OPENS)
    assert (b"secret" in table.connections.connect().transport.sent) is forwarded


def test_a_key_that_one_app_gets_is_not_forwarded_to_another_with_the_same_head() -> None:
    locked = app_config("locked", LOCKED + '\n[tidegate.routing]\nmodels = ["large"]')
    table = Table(limits=(), configs=(locked, app_config("open", '[tidegate.routing]\nmodels = ["small"]')))
    give_key(table, "locked")
    near = table.client()
    forwarded = []
    for app, model in zip((1, 0, 1), (b"small", b"large", b"small"), strict=True):
        table.apps[app].ready()
        head = f"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 17\r\n{OPENS}\r\n"
        near.send(head.encode() + b'{"model":"%b"}' % model)
        far = table.connections.connect()
        forwarded.append(b"secret" in far.transport.sent)
        far.send(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    assert (near.statuses, forwarded) == ([204, 204, 204], [True, False, True])


def test_after_a_reload_a_repeated_request_is_forwarded_as_the_new_settings_say() -> None:
    table = Table(LOCKED + "\n[tidegate.auth]\nforward_authorization = true")
    give_key(table)
    near = table.client()
    near.get(fields=OPENS)
    far = table.connections.connect()
    far.answer()
    assert b"secret" in far.transport.taken()
    table.app.service.take(Terms.of(app_config(toml=LOCKED)))
    near.connection.reroute()
    near.get(fields=OPENS)
    assert b"secret" not in far.transport.taken()


def test_a_key_that_is_revoked_closes_a_connection_that_repeats_its_request() -> None:
    table = Table(LOCKED)
    keyring = give_key(table)
    near = table.client()
    near.get(fields=OPENS)
    table.connections.connect().answer()
    keyring.take([])
    near.get(fields=OPENS)
    assert near.statuses == [200, 403]


class KeyAtWork:
    """An app behind a key that may have one request at once."""

    def __init__(self, toml: str = "", limits: tuple[int, ...] = (2,)) -> None:
        self.table = Table(LOCKED + toml, limits=limits)
        keyring = give_key(self.table, concurrency=1)
        key = keyring.find(b"tg_k1_secret")
        assert key is not None
        self.allowance = key.allowance
        self.near = self.table.client()
        self.near.get(fields=OPENS)
        assert self.allowance.in_flight == 1


def test_over_its_limit_a_key_gets_429_until_a_request_of_its_own_has_ended() -> None:
    work = KeyAtWork()
    other = work.table.client()
    other.get(fields=OPENS)
    assert other.statuses == [429]
    assert b'"type":"rate_limited"' in other.sent
    assert b"retry-after: 1\r\n" in other.sent
    far = work.table.connections.connect()
    far.answer()
    other.get(fields=OPENS)
    far.answer()
    assert (other.statuses, work.allowance.in_flight) == ([429, 200], 0)


def test_a_key_counts_what_its_client_left_behind_until_the_slot_is_given_back() -> None:
    work = KeyAtWork()
    far = work.table.connections.connect()
    work.near.lose()
    assert work.allowance.in_flight == 1
    far.answer()
    assert (work.allowance.in_flight, work.table.app.slots_taken) == (0, [0])


def test_a_client_that_leaves_the_queue_gives_its_key_back() -> None:
    work = KeyAtWork(limits=())
    work.near.lose()
    assert work.allowance.in_flight == 0


def test_a_client_that_leaves_before_a_replica_has_the_request_gives_its_key_back() -> None:
    work = KeyAtWork()
    work.near.lose()
    assert work.allowance.in_flight == 0


def test_a_wait_that_was_too_long_gives_the_key_back() -> None:
    work = KeyAtWork("\n[tidegate.queue]\ntimeout_seconds = 5", limits=())
    work.table.sweep(6)
    assert (work.near.statuses, work.allowance.in_flight) == ([504], 0)


def test_a_broken_replica_gives_the_key_back() -> None:
    work = KeyAtWork()
    work.table.connections.connect().close()
    assert (work.near.statuses, work.allowance.in_flight) == ([502], 0)


def test_a_full_queue_gives_the_key_back() -> None:
    table = Table(LOCKED + "\n[tidegate.queue]\nmax_length = 0", limits=())
    keyring = give_key(table, concurrency=1)
    near = table.client()
    near.get(fields=OPENS)
    near.get(fields=OPENS)
    key = keyring.find(b"tg_k1_secret")
    assert b'"type":"queue_full"' in near.sent
    assert b"rate_limited" not in near.sent
    assert key is not None
    assert key.allowance.in_flight == 0


def test_a_tunnel_counts_for_its_key_until_it_ends() -> None:
    work = KeyAtWork()
    far = work.table.connections.connect()
    far.answer()
    work.near.get(fields=OPENS + "connection: upgrade\r\nupgrade: echo\r\n")
    far.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    assert work.allowance.in_flight == 1
    assert far.transport.protocol is not None
    far.transport.protocol.connection_lost(None)
    assert work.allowance.in_flight == 0

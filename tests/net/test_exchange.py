from __future__ import annotations

import json
import re
import time

import pytest

from proxy.errors import NoReplica
from tests.net.fakes import Far, Near, Table
from tests.net.house import app_config
from tests.net.key_records import OPENS, give_key

LOCKED = "disable_auth = false"


def models() -> Table:
    """Two apps that the model field tells apart."""
    tomls = [f'[tidegate.routing]\nmodels = ["{name}"]' for name in ("large", "small")]
    table = Table(limits=(), configs=tuple(app_config(f"app{n}", toml) for n, toml in enumerate(tomls)))
    for app in table.apps:
        app.ready()
    return table


def waiting(table: Table) -> tuple[Near, Near, Far]:
    """A client that has the slot and one that waits for it."""
    first, far = table.calling("/first")
    second = table.client()
    second.get("/second")
    return first, second, far


# The queue


def test_a_slot_that_is_free_again_goes_to_the_longest_waiting() -> None:
    table = Table()
    _, second, far = waiting(table)
    third = table.client()
    third.get("/third")
    far.answer()
    far.answer()
    assert far.targets == [b"/first", b"/second", b"/third"]
    assert (second.statuses, third.statuses) == ([200], [])


@pytest.mark.parametrize("lost", [False, True])
def test_a_client_that_leaves_the_queue_never_reaches_a_replica(lost: bool) -> None:
    table = Table()
    _, second, far = waiting(table)
    if lost:
        second.lose()
    else:
        assert not second.half_close()
    assert len(table.pool.queue) == 0
    far.answer()
    assert far.targets == [b"/first"]


def test_waiting_too_long_is_504_with_the_time_after_which_to_retry() -> None:
    table = Table("[tidegate.queue]\ntimeout_seconds = 5")
    _, second, _ = waiting(table)
    table.pool.service_seconds = 3.0
    table.sweep(4)
    assert second.statuses == []
    table.sweep(6)
    assert second.statuses == [504]
    assert b"retry-after: 6\r\n" in second.sent
    assert (len(table.pool.queue), table.app.slots_taken) == (0, [1])


def test_a_slot_that_comes_in_the_moment_of_the_timeout_is_used() -> None:
    table = Table("[cerebrium.scaling]\nresponse_grace_period = 20\n[tidegate.queue]\ntimeout_seconds = 20")
    first, second, far = waiting(table)
    far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    table.sweep(21)  # whichever of the two the sweep sees first
    assert first.transport.ended == "closed"
    assert second.statuses in ([504], [])
    assert table.app.slots_taken == [len(table.connections.asked)]


def test_a_full_queue_is_429_with_the_time_after_which_to_retry() -> None:
    table = Table("[tidegate.queue]\nmax_length = 1")
    waiting(table)
    table.pool.service_seconds = 2.5
    third = table.client()
    third.get()
    assert third.statuses == [429]
    assert b"retry-after: 5\r\n" in third.sent


def test_those_who_wait_for_what_cannot_start_are_told_why() -> None:
    table = Table()
    _, second, _ = waiting(table)
    table.pool.refuse(lambda: NoReplica("no replica can be started: exited with code 3", 2), time.monotonic())
    assert second.statuses == [503]
    assert b"exited with code 3" in second.sent
    assert second.transport.ended == ""


# Bodies


@pytest.mark.parametrize("length", [6, None])
def test_a_body_over_the_limit_is_413(length: int | None) -> None:
    table = Table("[tidegate.limits]\nmax_body_bytes = 5")
    near = table.client()
    near.post(b"123456", length)
    assert (near.statuses, table.connections.asked) == ([413], [])


def test_a_body_in_tiny_chunks_is_not_kept_in_tiny_pieces() -> None:
    table = Table(limits=())
    near = table.client()
    near.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + b"2\r\nab\r\n" * 5_000)
    table.app.ready()
    sent = table.connections.connect().transport.sent.partition(b"\r\n\r\n")[2]
    assert (sent.count(b"ab"), sent.count(b"\r\n") < 200) == (5_000, True)


def test_a_body_that_grows_over_the_limit_breaks_the_request_off() -> None:
    table = Table("[tidegate.limits]\nmax_body_bytes = 5")
    near = table.client()
    near.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    far = table.connections.connect()
    near.send(b"3\r\ndef\r\n")
    assert (near.statuses, far.transport.ended, table.app.slots_taken) == ([413], "reset", [0])


def test_a_body_that_turns_out_malformed_never_looks_complete() -> None:
    table = Table()
    near = table.client()
    near.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    far = table.connections.connect()
    near.send(b"nonsense\r\n")
    assert (near.statuses, far.transport.ended) == ([400], "reset")
    assert not far.transport.sent.endswith(b"0\r\n\r\n")


def test_a_body_ahead_of_its_replica_is_bounded() -> None:
    table = Table(limits=())
    near = table.client()
    near.post(bytes(70_000), length=100_000)
    assert not near.transport.reading
    table.app.ready()
    far = table.connections.connect()
    assert near.transport.reading
    assert far.transport.sent.count(b"\0") == 70_000


# Who may, and where to


def test_an_app_with_keys_opens_for_a_known_one_alone() -> None:
    table = Table(LOCKED)
    give_key(table)
    near = table.client()
    for fields in ("", "authorization: Basic tg_k1_secret\r\n", "authorization: Bearer wrong\r\n"):
        near.get(fields=fields)
    assert near.statuses == [401, 401, 403]
    assert b'www-authenticate: Bearer realm="tidegate"\r\n' in near.sent
    near.get(fields=OPENS)
    assert table.connections.connect().targets == [b"/"]


def test_the_model_field_chooses_the_app_once_the_body_is_there() -> None:
    table = models()
    near = table.client()
    body = json.dumps({"model": "small", "n": 1}).encode()
    near.post(body[:5], len(body))
    assert table.connections.asked == []
    near.send(body[5:])
    far = table.connections.connect()
    assert far.link.replica.id == "app1-0"
    assert far.transport.sent.endswith(body)


@pytest.mark.parametrize("body", [b'{"model": "none"}', b'{"model": 5}', b"[]", b"nonsense"])
def test_an_unknown_model_is_404(body: bytes) -> None:
    near = models().client()
    near.post(body)
    assert near.statuses == [404]
    assert b"app0" not in near.sent


def test_a_body_that_names_the_model_may_take_its_time_but_not_stop() -> None:
    table = models()
    near = table.client()
    near.post(b"{", 100)
    near.send(b" ")
    table.sweep(31)
    assert near.statuses == []
    table.sweep(62)
    assert near.statuses == [408]


def test_a_client_that_waits_for_100_to_name_its_model_gets_it_from_us() -> None:
    table = models()
    near = table.client()
    near.send(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 18\r\n\r\n")
    assert near.statuses == [100]
    near.send(b'{"model": "large"}')
    assert b"expect" not in table.connections.connect().transport.sent


# What we add and what we answer


def test_an_answer_says_who_gave_it_and_what_took_how_long() -> None:
    table = Table()
    near = table.client()
    near.get(fields="x-request-id: mine\r\n")
    table.connections.connect().answer()
    assert b"\r\nx-request-id: mine\r\nx-tidegate-replica: demo-0\r\n" in near.sent
    assert re.search(rb"server-timing: queue;dur=\d+\.\d, replica;dur=\d+\.\d\r\n", near.sent)


def test_a_request_that_waited_for_a_start_says_so() -> None:
    table = Table(limits=())
    near = table.client()
    near.get()
    table.app.ready()
    table.connections.connect().answer()
    assert re.search(rb", cold;dur=\d+\.\d\r\n", near.sent)


def test_interim_answers_go_to_those_who_know_them() -> None:
    table = Table(limits=(2,))
    near, old = table.client(), table.client()
    near.get()
    old.send(b"GET / HTTP/1.0\r\n\r\n")
    for client, statuses in ((near, [103, 200]), (old, [200])):
        far = table.connections.connect()
        far.send(b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n")
        far.answer()
        assert client.statuses == statuses


def test_options_that_must_not_go_further_is_answered_here() -> None:
    table = Table()
    near = table.client()
    near.send(b"OPTIONS / HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\n\r\n")
    assert (near.statuses, table.connections.asked, near.transport.ended) == ([204], [], "")


def test_head_is_answered_without_a_body_also_by_us() -> None:
    table = Table(limits=(), toml="[tidegate.queue]\nmax_length = 0")
    near = table.client()
    near.send(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert near.sent.endswith(b"\r\n\r\n")


def test_what_is_over_is_counted_once_by_its_status() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    near.lose()
    far.link.connection_lost(None)
    assert table.app.statuses == {200: 1}

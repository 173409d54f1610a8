from __future__ import annotations

import time

import pytest

from proxy.net import ending
from proxy.net.client import HEAD_SECONDS, KEEP_ALIVE_SECONDS, LINGER_SECONDS, READ_AHEAD_REQUESTS
from tests.net.fakes import Far, Near, Table

GET = b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n"


def test_pipelined_requests_are_answered_one_at_a_time_in_order() -> None:
    table = Table(limits=(5,))
    near = table.client()
    near.send(b"".join(GET % n for n in range(3)))
    far = table.connections.connect()
    for n in range(3):
        assert far.targets == [b"/%d" % i for i in range(n + 1)]
        far.answer(b"answer %d" % n)
    assert [near.sent.count(b"answer %d" % n) for n in range(3)] == [1, 1, 1]
    assert near.sent.index(b"answer 0") < near.sent.index(b"answer 1") < near.sent.index(b"answer 2")


def test_an_error_takes_its_turn_among_the_answers() -> None:
    table = Table()
    near = table.client()
    near.send(GET % 0 + b"nonsense\r\n\r\n")
    assert near.statuses == []
    table.connections.connect().answer()
    assert near.statuses == [200, 400]
    assert near.transport.ended == "half"


def test_refusals_do_not_end_the_connection() -> None:
    table = Table(limits=(), toml="[tidegate.queue]\nmax_length = 0")
    near = table.client()
    near.send(GET % 0 + b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab" + GET % 1)
    assert near.statuses == [429, 429, 429]
    assert near.transport.ended == ""


def test_a_refusal_before_the_body_has_come_ends_the_connection() -> None:
    table = Table(limits=(), toml="[tidegate.queue]\nmax_length = 0")
    near = table.client()
    near.post(b"", length=5)
    assert (near.statuses, near.transport.ended) == ([429], "half")
    near.send(b"hello")
    near.connection.expire(0)
    assert near.transport.ended == "aborted"


def test_too_many_requests_ahead_stop_the_reading_until_their_turn_is_near() -> None:
    table = Table()
    near = table.client()
    near.send(b"".join(GET % n for n in range(READ_AHEAD_REQUESTS + 2)))
    far = table.connections.connect()
    assert not near.transport.reading
    far.answer()
    far.answer()
    assert near.transport.reading


def test_the_next_request_waits_until_the_client_has_taken_the_answer_before() -> None:
    table = Table(limits=(5,))
    near, far = table.calling()
    near.send(GET % 1)
    near.connection.pause_writing()
    assert not far.transport.reading
    far.answer()
    assert far.targets == [b"/"]
    near.connection.resume_writing()
    assert far.targets == [b"/", b"/1"]


def test_a_replicas_connection_is_not_kept_paused() -> None:
    table = Table(limits=(5,))
    near, far = table.calling()
    near.connection.pause_writing()
    far.answer()
    assert far.transport.reading


def test_a_client_that_takes_nothing_is_cut_off_in_the_end() -> None:
    table = Table()
    near, far = table.calling()
    near.connection.pause_writing()
    far.answer()
    assert near.connection.deadline <= time.monotonic() + KEEP_ALIVE_SECONDS
    near.connection.expire(0)
    assert near.transport.ended == "aborted"


def test_a_client_that_takes_slowly_what_does_not_end_its_connection_gets_all_of_it() -> None:
    table = Table()
    near, far = table.calling()
    near.connection.pause_writing()
    far.answer()
    for near.transport.unsent in (300_000, 200_000):
        near.connection.expire(0)
        assert near.transport.ended == ""
    near.connection.resume_writing()
    near.get()
    far.answer()
    assert near.statuses == [200, 200]


def test_a_client_that_takes_slowly_what_ends_its_connection_gets_all_of_it() -> None:
    table = Table()
    near = table.client()
    near.get(fields="connection: close\r\n")
    table.connections.connect().answer()
    for near.transport.unsent in (3, 2, 1):
        near.connection.expire(0)
        assert near.transport.ended == "half"
    near.connection.expire(0)
    assert near.transport.ended == "aborted"


def test_a_head_has_its_time_however_many_bytes_come() -> None:
    near = Table().client()
    for byte in b"GET / HTT":
        near.send(bytes((byte,)))
        assert near.connection.deadline <= time.monotonic() + HEAD_SECONDS
    first = near.connection.deadline
    near.send(b"P")
    assert near.connection.deadline == first
    near.connection.expire(first)
    assert (near.statuses, near.transport.ended) == ([408], "half")


def test_an_idle_connection_is_closed_without_a_word() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    near.transport.taken()
    near.connection.expire(near.connection.deadline)
    assert (near.sent, near.transport.ended) == (b"", "closed")
    near.connection.expire(near.connection.deadline)
    assert near.transport.ended == "aborted"


def test_a_connection_that_ends_is_read_from_for_a_while() -> None:
    table = Table()
    near = table.client()
    near.send(b"nonsense\r\n\r\n")
    assert (near.statuses, near.transport.ended, near.transport.reading) == ([400], "half", True)
    assert near.connection.deadline <= time.monotonic() + LINGER_SECONDS


def blocked_upload(table: Table) -> tuple[Near, Far]:
    """A client in the middle of its upload to a replica that takes no more at the moment."""
    near = table.client()
    near.post(bytes(10), length=100)
    far = table.connections.connect()
    far.link.pause_writing()
    assert not near.transport.reading
    return near, far


def test_a_client_that_ends_its_sending_side_in_mid_upload_has_all_read_that_it_sent() -> None:
    table = Table()
    near, far = blocked_upload(table)
    (hung_up,) = table.listener.hangups.watched
    hung_up()
    assert (near.transport.reading, far.transport.ended) == (True, "")
    near.send(bytes(90))
    near.half_close()
    assert far.transport.sent.endswith(b"\r\n\r\n" + bytes(100))
    assert far.transport.ended == "half"
    far.answer()
    assert (near.statuses, near.transport.ended) == ([200], "closed")


def test_a_client_that_leaves_in_mid_upload_is_noticed_when_what_it_sent_is_read() -> None:
    table = Table()
    near, far = blocked_upload(table)
    for _ in range(2):
        table.listener.hangups.watched.pop()()
        near.send(bytes(40))
    near.half_close()
    assert far.transport.sent.endswith(b"\r\n\r\n" + bytes(90))
    assert far.transport.ended == "half"


def test_a_client_that_leaves_the_line_in_mid_upload_is_out_of_it_at_once() -> None:
    table = Table(limits=())
    near = table.client()
    near.post(bytes(70_000), length=100_000)
    (hung_up,) = table.listener.hangups.watched
    hung_up()
    assert (table.pool.demand.present, near.transport.ended) == (0, "aborted")


def test_requests_whose_turn_had_not_come_end_with_their_client() -> None:
    table = Table()
    near = table.client()
    near.send(b"".join(GET % n for n in range(READ_AHEAD_REQUESTS + 2)))
    far = table.connections.connect()
    (hung_up,) = table.listener.hangups.watched
    hung_up()
    assert far.transport.ended == "half"
    far.answer()
    assert (far.targets, near.statuses, near.transport.ended) == ([b"/0"], [200], "closed")


def test_a_client_that_is_lost_while_it_is_not_read_from_is_let_go_also_when_its_socket_is_closed() -> None:
    table = Table()
    near = table.client()
    near.post(bytes(10), length=100)
    far = table.connections.connect()
    far.link.pause_writing()
    assert len(table.listener.hangups.watched) == 1
    near.transport.socket = None  # over TLS it is closed before its loss is told
    near.lose()
    assert far.transport.ended == "half"
    assert (table.listener.hangups.watched, table.listener.clients) == ([], set())


def test_shutting_down_ends_idle_connections_and_those_that_become_idle() -> None:
    table = Table()
    idle = table.client()
    busy, far = table.calling()
    table.site.draining = True
    for near in (idle, busy):
        near.connection.close_if_idle()
    assert (idle.transport.ended, busy.transport.ended) == ("closed", "")
    far.answer()
    assert b"connection: close" in busy.sent
    assert busy.transport.ended == "half"


def test_a_request_that_came_before_the_shutdown_and_was_not_read_yet_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table()
    near = table.client()
    monkeypatch.setattr(ending, "unread", lambda _: True)
    table.site.draining = True
    near.connection.close_if_idle()
    assert near.transport.ended == ""
    near.send(GET % 1)
    assert near.sent.startswith(b"HTTP/1.1 503 ")
    assert near.transport.ended == "half"


def test_what_came_before_the_shutdown_and_is_no_request_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    near = table.client()
    monkeypatch.setattr(ending, "unread", lambda _: True)
    near.connection.close_if_idle()
    assert near.connection.deadline <= time.monotonic() + LINGER_SECONDS
    near.connection.expire(near.connection.deadline)
    assert near.transport.ended == "closed"


def test_a_head_that_is_on_its_way_at_the_shutdown_is_told_of_it_when_it_has_come() -> None:
    table = Table()
    near = table.client()
    near.send(b"GET / HTTP/1.1\r\n")
    table.site.draining = True
    near.connection.close_if_idle()
    assert near.transport.ended == ""
    near.send(b"host: a\r\n\r\n")
    assert b"HTTP/1.1 503 " in near.sent
    assert b"connection: close\r\n" in near.sent
    assert near.transport.ended == "half"


def test_a_head_that_does_not_come_in_the_time_of_a_shutdown_is_told_of_it_too() -> None:
    table = Table()
    near = table.client()
    near.send(b"GET / HTTP/1.1\r\n")
    table.site.draining = True
    near.connection.close_if_idle()
    near.connection.expire(near.connection.deadline)
    assert (near.statuses, near.transport.ended) == ([503], "half")


def test_a_1_0_client_is_told_that_its_connection_goes_on() -> None:
    table = Table()
    near = table.client()
    near.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
    table.connections.connect().answer()
    assert b"connection: keep-alive\r\n" in near.sent
    assert near.transport.ended == ""


def test_what_follows_a_refused_upgrade_is_the_next_request() -> None:
    table = Table()
    near = table.client()
    near.send(UPGRADE + GET % 1)
    far = table.connections.connect()
    assert far.targets == [b"/"]
    assert not near.transport.reading
    far.answer()
    assert far.targets == [b"/", b"/1"]
    assert near.transport.reading


def test_many_upgrades_that_are_refused_at_once_are_no_recursion() -> None:
    table = Table(limits=(), toml="[tidegate.queue]\nmax_length = 0")
    near = table.client()
    near.send(b"GET / HTTP/1.0\r\nconnection: upgrade, keep-alive\r\nupgrade: w\r\n\r\n" * 2000)
    assert len(near.statuses) == 2000

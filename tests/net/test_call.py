from __future__ import annotations

import pytest

from tests.net.fakes import Table

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
GRACE = "[cerebrium.scaling]\nresponse_grace_period = 100\n"


def test_a_slot_is_held_until_the_last_byte() -> None:
    table = Table()
    _, far = table.calling()
    far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
    assert table.app.slots_taken == [1]
    far.send(b"k")
    assert table.app.slots_taken == [0]


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 20", b"nonsense\r\n\r\n", HEAD, HEAD + b"1\r\na\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
)
def test_a_replica_that_breaks_off_gives_its_slot_back_once(sent: bytes) -> None:
    table = Table()
    near, far = table.calling()
    far.send(sent)
    if not far.link.closing:
        far.close()
    assert table.app.slots_taken == [0]
    assert near.transport.ended in {"", "closed"}


def test_a_broken_answer_in_chunks_has_no_end() -> None:
    table = Table()
    near, far = table.calling()
    far.send(HEAD + b"1\r\na\r\n")
    far.close()
    assert (near.statuses, near.sent.endswith(b"1\r\na\r\n"), near.transport.ended) == ([200], True, "closed")


def test_a_broken_answer_that_its_connection_ends_is_reset() -> None:
    table = Table()
    near = table.client()
    near.send(b"GET / HTTP/1.0\r\n\r\n")
    far = table.connections.connect()
    far.send(HEAD + b"1\r\na\r\n")
    far.close()
    assert near.transport.ended == "reset"


def test_a_broken_answer_of_which_nothing_was_passed_on_is_502() -> None:
    table = Table()
    near, far = table.calling()
    far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello")
    assert (near.statuses, far.transport.ended) == ([502], "reset")
    assert b"connection: keep-alive" in near.sent


def test_a_replica_that_was_killed_is_504() -> None:
    table = Table()
    near, far = table.calling()
    table.replicas[0].killed = True
    far.close()
    assert near.statuses == [504]


# Clients that leave


@pytest.mark.parametrize("lost", [False, True])
def test_the_slot_of_a_gone_client_is_held_until_the_replica_ends(lost: bool) -> None:
    table = Table()
    near, far = table.calling()
    if lost:
        near.lose()
    else:
        assert near.half_close()
    assert (far.transport.ended, table.app.slots_taken) == ("half", [1])
    far.close()
    assert (table.app.slots_taken, table.app.statuses) == ([0], {499: 1})


def test_a_client_that_only_ended_its_sending_side_is_answered() -> None:
    table = Table()
    near, far = table.calling()
    near.half_close()
    far.answer()
    assert (near.statuses, near.transport.ended, far.transport.ended) == ([200], "closed", "aborted")


def test_a_replica_that_streams_on_after_its_client_left_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    near, far = table.calling()
    far.send(HEAD)
    near.lose()
    far.send(b"1\r\na\r\n")
    assert table.app.slots_taken == [1]
    monkeypatch.setattr("proxy.net.call.NOTICE_SECONDS", 0.0)
    far.send(b"1\r\na\r\n")
    assert (far.transport.ended, table.app.slots_taken) == ("reset", [0])


def test_a_replica_that_answers_late_and_whole_is_not_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.net.call.NOTICE_SECONDS", 0.0)
    table = Table()
    near, far = table.calling()
    near.lose()
    far.send(HEAD)
    assert table.app.slots_taken == [1]
    far.send(b"0\r\n\r\n")
    assert (far.transport.ended, table.app.slots_taken) == ("aborted", [0])


def test_a_replica_that_never_ends_loses_the_slot_with_the_grace_period() -> None:
    table = Table(GRACE)
    near, far = table.calling()
    near.lose()
    table.sweep(99)
    assert table.app.slots_taken == [1]
    table.sweep(101)
    assert (far.transport.ended, table.app.slots_taken) == ("reset", [0])


def test_a_paused_replica_is_read_from_again_when_the_client_is_gone() -> None:
    table = Table()
    near, far = table.calling()
    far.send(HEAD)
    near.connection.pause_writing()
    assert not far.transport.reading
    near.lose()
    assert far.transport.reading


# Time


def test_a_late_first_byte_is_504_and_the_slot_stays_taken() -> None:
    table = Table(GRACE + "[tidegate.timeouts]\nfirst_byte_seconds = 5")
    near, far = table.calling()
    table.sweep(6)
    assert (near.statuses, far.transport.ended, table.app.slots_taken) == ([504], "half", [1])
    far.answer()
    assert (near.statuses, table.app.slots_taken) == ([504], [0])


def test_a_body_that_came_in_pieces_does_not_lengthen_the_wait_for_the_first_byte() -> None:
    table = Table(GRACE + "[tidegate.timeouts]\nfirst_byte_seconds = 5")
    near = table.client()
    near.post(b"a", length=2)
    table.connections.connect()
    near.send(b"b")
    table.sweep(6)
    assert near.statuses == [504]


def test_a_silent_stream_is_cut_and_a_moving_one_is_not() -> None:
    table = Table(GRACE + "[tidegate.timeouts]\nidle_seconds = 5")
    near, far = table.calling()
    far.send(HEAD)
    far.send(b"1\r\na\r\n")
    table.sweep(6)
    assert near.transport.ended == ""
    table.sweep(12)
    assert near.transport.ended == "closed"
    assert far.transport.ended == "half"


def test_nothing_goes_on_after_the_grace_period() -> None:
    table = Table(GRACE)
    near, far = table.calling()
    far.send(HEAD)
    far.send(b"1\r\na\r\n")
    table.sweep(101)
    assert (near.transport.ended, far.transport.ended, table.app.slots_taken) == ("closed", "reset", [0])


def test_a_body_that_does_not_come_is_408_and_never_looks_complete() -> None:
    table = Table()
    near = table.client()
    near.post(b"a", length=2)
    far = table.connections.connect()
    table.sweep(31)
    assert (near.statuses, far.transport.ended, table.app.slots_taken) == ([408], "reset", [0])


def test_a_replica_that_does_not_read_has_until_its_first_byte() -> None:
    table = Table(GRACE)
    near = table.client()
    near.post(b"a", length=2)
    far = table.connections.connect()
    far.link.pause_writing()
    table.sweep(31)
    assert near.statuses == []
    table.sweep(101)
    assert (near.statuses, far.transport.ended) == ([504], "reset")


# Both directions


def test_a_slow_client_slows_the_replica_and_a_slow_replica_the_client() -> None:
    table = Table()
    near = table.client()
    near.post(b"a", length=3)
    far = table.connections.connect()
    far.link.pause_writing()
    near.connection.pause_writing()
    assert (near.transport.reading, far.transport.reading) == (False, False)
    far.link.resume_writing()
    near.connection.resume_writing()
    assert (near.transport.reading, far.transport.reading) == (True, True)


def test_a_body_goes_on_as_it_comes() -> None:
    table = Table()
    near = table.client()
    near.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    far = table.connections.connect()
    assert far.transport.taken().endswith(b"\r\n\r\n3\r\nabc\r\n")
    near.send(b"1\r\nd\r\n0\r\n")
    assert far.transport.taken() == b"1\r\nd\r\n"
    near.send(b"\r\n")
    assert far.transport.taken() == b"0\r\n\r\n"


# Trailers

CHUNKED_POST = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
TRAILERS = b"0\r\nX-Sum: 1\r\nHost: b\r\n\r\n"


@pytest.mark.parametrize("early", [True, False])
def test_a_requests_trailers_follow_its_last_chunk(early: bool) -> None:
    table = Table()
    near = table.client()
    near.send(CHUNKED_POST + (TRAILERS if early else b""))
    far = table.connections.connect()
    if not early:
        near.send(TRAILERS)
    head, _, body = far.transport.taken().partition(b"\r\n\r\n")
    assert (body, b"X-Sum" in head) == (b"0\r\nX-Sum: 1\r\n\r\n", False)


def test_a_request_that_goes_again_has_its_trailers_again() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    far.link.untaken = lambda size: True  # type: ignore[method-assign]  # what only a kernel can prove
    near.send(CHUNKED_POST + TRAILERS)
    far.close()
    assert table.connections.connect().transport.sent.endswith(b"\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")


@pytest.mark.parametrize(("version", "end"), [(b"1.1", b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), (b"1.0", b"\r\nabc")])
def test_an_answers_trailers_follow_its_last_chunk_where_there_is_one(version: bytes, end: bytes) -> None:
    table = Table()
    near = table.client()
    near.send(b"GET / HTTP/%b\r\nhost: a\r\n\r\n" % version)
    table.connections.connect().send(HEAD + b"3\r\nabc\r\n" + TRAILERS)
    assert near.sent.endswith(end)
    assert near.sent.count(b"X-Sum") == (version == b"1.1")


def test_trailers_are_not_those_of_the_next_message() -> None:
    table = Table()
    near = table.client()
    near.send(CHUNKED_POST + TRAILERS)
    far = table.connections.connect()
    far.send(HEAD + TRAILERS)
    near.transport.taken(), far.transport.taken()
    near.send(CHUNKED_POST + b"0\r\n\r\n")
    far.send(HEAD + b"0\r\n\r\n")
    assert b"X-Sum" not in near.transport.taken() + far.transport.taken()

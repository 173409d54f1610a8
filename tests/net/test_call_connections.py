"""The connection of a call: opened, kept, and what shows whether a request was taken."""

from __future__ import annotations

import errno

import pytest

from proxy.core.replica import State
from proxy.net.call import PROOF_SECONDS
from tests.net.fakes import Far, Near, Table

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
GRACE = "[cerebrium.scaling]\nresponse_grace_period = 100\n"

# Connecting


def test_a_refused_request_goes_to_another_replica() -> None:
    table = Table(limits=(1, 1))
    near = table.client()
    near.post(b"body")
    table.connections.fail(ConnectionRefusedError())
    far = table.connections.connect()
    assert far.transport.sent.endswith(b"\r\n\r\nbody")
    assert [replica.state for replica in table.replicas] == [State.UNREADY, State.READY]
    assert table.app.slots_taken == [0, 1]
    far.answer()
    assert near.statuses == [200]


def test_a_refused_request_is_first_in_line_where_no_other_slot_is_free() -> None:
    table = Table()
    first, second = table.client(), table.client()
    first.get("/first")
    second.get("/second")
    table.connections.fail(ConnectionRefusedError())
    table.app.ready()
    assert table.connections.connect().targets == [b"/first"]
    assert len(table.pool.queue) == 1


def test_a_connection_that_is_gone_before_it_is_used_counts_as_refused() -> None:
    table = Table(limits=(1, 1))
    near = table.client()
    near.get()
    table.connections.connect(gone=True)
    table.connections.connect().answer()
    assert near.statuses == [200]


def test_a_request_whose_time_is_over_is_not_tried_again() -> None:
    table = Table(limits=(1, 1))
    table.app.service.grace_seconds = 0.0
    near = table.client()
    near.get()
    table.connections.fail(TimeoutError("no connection within 5 s"))
    assert (near.statuses, table.connections.asked, table.app.slots_taken) == ([504], [], [0, 0])


def test_a_lack_of_file_descriptors_is_not_the_replicas_fault() -> None:
    table = Table()
    near = table.client()
    near.get()
    table.connections.fail(OSError(errno.EMFILE, "Too many open files"))
    assert (near.statuses, table.app.slots_taken) == ([503], [0])
    assert table.replicas[0].state is State.READY


def test_a_client_that_leaves_while_connecting_never_reaches_the_replica() -> None:
    table = Table()
    near = table.client()
    near.get()
    near.lose()
    assert table.app.slots_taken == [0]
    far = table.connections.connect()
    assert far.transport.sent == b""
    assert table.connections.take(table.replicas[0]) is far.link


# Kept connections


def test_a_get_is_sent_again_when_a_kept_connection_ends_without_a_byte() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    near.get("/again")
    far.close()
    assert table.app.slots_taken == [1]
    table.connections.connect().answer()
    assert near.statuses == [200, 200]


def test_a_post_is_not_sent_again_when_the_replica_may_have_it() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    near.post(b"body")
    far.link.connection_lost(ConnectionResetError())
    assert (near.statuses, table.connections.asked) == ([200, 502], [])


def test_a_connection_is_not_kept_after_an_answer_that_came_before_the_bodys_end() -> None:
    table = Table()
    near = table.client()
    near.post(b"a", length=2)
    far = table.connections.connect()
    far.answer()
    assert (far.transport.ended, table.app.slots_taken) == ("aborted", [0])
    assert b"connection: close" in near.sent


# What a kernel shows of a request that a kept connection ended before


def doubtful(shown: list[str]) -> tuple[Table, Near, Far]:
    """A POST over a kept connection whose replica has closed; `shown` grows, and its last is what is known so far."""
    table = Table()
    near, far = table.calling()
    far.answer()
    far.link.unacknowledged = lambda size: shown[-1] != "acknowledged"  # type: ignore[method-assign]  # as a kernel
    far.link.untaken = lambda size: shown[-1] == "reset"  # type: ignore[method-assign]  # the same
    near.transport.taken()
    near.post(b"once")
    assert far.link.eof_received()
    return table, near, far


def test_a_post_goes_again_once_a_reset_shows_that_it_was_not_taken() -> None:
    shown = ["nothing"]
    table, near, far = doubtful(shown)
    table.sweep(0)
    assert (near.statuses, table.connections.asked, table.app.slots_taken) == ([], [], [1])
    shown.append("reset")
    table.sweep(0)
    again = table.connections.connect()
    assert again.transport.sent.endswith(b"once")
    again.answer()
    assert (near.statuses, far.transport.ended, table.app.slots_taken) == ([200], "aborted", [0])


@pytest.mark.parametrize(("shown", "seconds"), [("acknowledged", 0.0), ("nothing", PROOF_SECONDS)])
def test_a_post_that_may_have_been_taken_does_not_go_again(shown: str, seconds: float) -> None:
    seen = ["nothing"]
    table, near, far = doubtful(seen)
    seen.append(shown)
    table.sweep(seconds)
    assert (near.statuses, table.connections.asked) == ([502], [])
    assert (far.transport.ended, table.app.slots_taken) == ("aborted", [0])


def test_a_client_that_leaves_in_doubt_frees_its_slot() -> None:
    table, near, far = doubtful(["nothing"])
    near.lose()
    assert (far.transport.ended, table.app.slots_taken, table.app.statuses) == ("reset", [0], {200: 1, 499: 1})

from __future__ import annotations

import pytest

from proxy.core.replica import State
from proxy.net.tunnel import LINGER_SECONDS
from tests.net.fakes import FakeTransport, Far, Near, Table

SWITCH = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n"
TIMES = "[cerebrium.scaling]\nresponse_grace_period = 50\n[tidegate.timeouts]\nidle_seconds = 20"


def asked(table: Table, ahead: bytes = b"") -> tuple[Near, Far]:
    near = table.client()
    near.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n" + ahead)
    return near, table.connections.connect()


def tunnel(table: Table) -> tuple[FakeTransport, FakeTransport]:
    """The client's and the replica's ends of one."""
    near, far = asked(table)
    far.send(SWITCH)
    near.transport.taken()
    far.transport.taken()
    return near.transport, far.transport


def read(transport: FakeTransport, data: bytes) -> None:
    assert transport.protocol is not None
    transport.protocol.data_received(data)


def end(transport: FakeTransport) -> None:
    assert transport.protocol is not None
    assert transport.protocol.eof_received()


def lose(transport: FakeTransport, error: Exception | None = None) -> None:
    assert transport.protocol is not None
    transport.protocol.connection_lost(error)


def test_nothing_goes_ahead_of_the_switch_and_nothing_is_lost_by_it() -> None:
    near, far = asked(Table(), ahead=b"early")
    assert far.transport.taken().endswith(b"\r\n\r\n")
    far.send(SWITCH + b"first")
    assert near.sent.endswith(b"\r\n\r\nfirst")
    assert b"\r\nx-tidegate-replica: demo-0\r\n" in near.sent
    assert far.transport.taken() == b"early"
    assert near.transport.reading


def test_bytes_pass_both_ways_no_faster_than_they_are_taken() -> None:
    client, replica = tunnel(Table())
    read(client, b"up")
    read(replica, b"down")
    assert (client.taken(), replica.taken()) == (b"down", b"up")
    for slow, fast in ((client, replica), (replica, client)):
        assert slow.protocol is not None
        slow.protocol.pause_writing()
        assert (slow.reading, fast.reading) == (True, False)
        slow.protocol.resume_writing()
        assert fast.reading


def test_a_side_that_hangs_up_while_it_is_not_read_from_is_read_to_its_end() -> None:
    table = Table()
    client, replica = tunnel(table)
    for slow, left in ((replica, client), (client, replica)):
        assert slow.protocol is not None
        slow.protocol.pause_writing()
        (hung_up,) = table.listener.hangups.watched
        table.listener.hangups.watched.clear()
        hung_up()
        slow.protocol.resume_writing()
        slow.protocol.pause_writing()
        assert (left.reading, table.listener.hangups.watched) == (True, [])
        read(left, b"last")
        end(left)
        assert slow.taken() == b"last"
    assert (client.ended, replica.ended) == ("closed", "closed")


def test_a_client_that_has_sent_all_still_gets_no_more_than_it_takes() -> None:
    client, replica = tunnel(Table())
    assert client.protocol is not None
    client.protocol.pause_writing()
    end(client)
    assert (replica.ended, replica.reading) == ("half", False)
    lose(client)
    assert replica.reading


@pytest.mark.parametrize("how", ["resumed", "lost"])
def test_a_hang_up_is_watched_for_only_while_a_side_is_not_read_from(how: str) -> None:
    table = Table()
    client, replica = tunnel(table)
    assert replica.protocol is not None
    replica.protocol.pause_writing()
    assert len(table.listener.hangups.watched) == 1
    if how == "resumed":
        replica.protocol.resume_writing()
    else:
        lose(client)
    assert table.listener.hangups.watched == []


def test_the_slot_is_held_until_the_replica_has_ended() -> None:
    table = Table()
    client, replica = tunnel(table)
    end(client)
    assert (replica.ended, table.app.slots_taken) == ("half", [1])
    read(replica, b"last")
    end(replica)
    assert (client.taken(), client.ended, replica.ended) == (b"last", "closed", "closed")
    assert (table.app.slots_taken, table.app.statuses) == ([0], {101: 1})


def test_a_tunnel_is_forgotten_when_both_connections_are_gone() -> None:
    table = Table()
    client, replica = tunnel(table)
    lose(client)
    assert replica.ended == "half"
    lose(replica)
    assert (len(table.deadlines), len(table.listener.clients), table.app.slots_taken) == (0, 0, [0])


def test_a_replica_that_breaks_off_does_not_look_as_if_it_had_ended() -> None:
    client, replica = tunnel(Table())
    lose(replica, ConnectionResetError())
    assert client.ended == "reset"


def test_a_client_that_stays_after_the_replicas_end_is_cut_off_soon_unless_it_still_reads() -> None:
    table = Table(TIMES)
    client, replica = tunnel(table)
    end(replica)
    assert (client.ended, table.app.slots_taken) == ("half", [0])
    client.unsent = 5
    table.sweep(LINGER_SECONDS + 1)
    assert client.ended == "half"
    table.sweep(2 * LINGER_SECONDS + 3)
    assert client.ended == "reset"


def test_a_replica_that_sends_on_to_nobody_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    client, replica = tunnel(table)
    lose(client)
    read(replica, b"x")
    assert (replica.ended, table.app.slots_taken) == ("half", [1])
    monkeypatch.setattr("proxy.net.tunnel.LINGER_SECONDS", 0.0)
    read(replica, b"x")
    assert replica.ended == "reset"


def test_an_idle_tunnel_is_cut_and_a_busy_one_is_not() -> None:
    table = Table(TIMES)
    client, replica = tunnel(table)
    for seconds in (19, 38, 90):
        read(client, b"x")
        table.sweep(seconds)
        assert client.ended == ""
    table.sweep(111)
    assert (client.ended, replica.ended) == ("reset", "reset")


@pytest.mark.parametrize("whose", ["proxy", "replica"])
def test_a_drain_gives_a_tunnel_the_grace_period(whose: str) -> None:
    table = Table(TIMES)
    client, _ = tunnel(table)
    if whose == "proxy":
        table.site.draining = True
    else:
        table.replicas[0].state = State.DRAINING
    for seconds in (10, 30, 50):
        read(client, b"x")
        table.sweep(seconds)
        assert client.ended == ""
    read(client, b"x")
    table.sweep(61)
    assert client.ended == "reset"


def test_a_drain_that_is_called_off_leaves_a_tunnel_be() -> None:
    table = Table(TIMES)
    client, _ = tunnel(table)
    replica = table.replicas[0]
    for state, seconds in ((State.DRAINING, 10), (State.READY, 30), (State.READY, 61)):
        replica.state = state
        read(client, b"x")
        table.sweep(seconds)
    assert client.ended == ""


def test_a_client_that_left_before_the_switch_gets_no_tunnel() -> None:
    table = Table()
    near, far = asked(table)
    near.lose()
    far.send(SWITCH)
    far.close()
    assert table.app.slots_taken == [0]

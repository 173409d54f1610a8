from __future__ import annotations

import asyncio
import errno
import math
import time
from collections.abc import Sequence

import pytest

from proxy.core.replica import Event, Replica
from proxy.net import connections as module
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.link import Link
from tests.net.fakes import Table


def test_the_connection_used_last_is_used_next() -> None:
    table = Table(limits=(2,))
    first, far1 = table.calling()
    _, far2 = table.calling()
    far1.answer()
    far2.answer()
    first.get("/again")
    assert far2.targets == [b"/", b"/again"]


def test_an_idle_connection_ends_before_a_common_server_would_end_it() -> None:
    table = Table()
    _, far = table.calling()
    far.answer()
    table.sweep(3.9)
    assert far.transport.ended == ""
    table.sweep(4.1)
    assert far.transport.ended == "aborted"
    assert table.connections.take(table.replicas[0]) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("timeout=3", 2), ("timeout=3, max=7", 2), ("timeout=60", 4), ("max=7", 4), ("odd, timeout=x", 4)],
)
def test_a_replica_that_names_its_idle_time_is_left_before(said: str, seconds: float) -> None:
    table = Table()
    _, far = table.calling()
    far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: %b\r\n\r\n" % said.encode())
    table.sweep(seconds - 0.1)
    assert far.transport.ended == ""
    table.sweep(seconds + 0.1)
    assert far.transport.ended == "aborted"


@pytest.mark.parametrize("said", ["timeout=1", "timeout=0", "timeout=5, max=0"])
def test_a_connection_that_is_about_to_end_is_not_kept(said: str) -> None:
    table = Table()
    _, far = table.calling()
    far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: %b\r\n\r\n" % said.encode())
    assert table.connections.take(table.replicas[0]) is None


def test_a_connection_that_is_in_use_again_is_not_idle_any_more() -> None:
    table = Table()
    near, far = table.calling()
    far.answer()
    near.get("/slow")
    table.sweep(5)
    assert (far.transport.ended, table.app.slots_taken) == ("", [1])


def test_an_idle_connection_that_says_something_or_ends_is_not_used() -> None:
    for happen in ("stray", "end", "loss"):
        table = Table()
        _, far = table.calling()
        far.answer()
        if happen == "stray":
            far.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        elif happen == "end":
            far.link.eof_received()
        else:
            far.link.connection_lost(None)
        assert table.connections.take(table.replicas[0]) is None, happen
        assert len(table.deadlines) == 0


def test_nothing_is_kept_to_a_replica_that_takes_no_more_requests() -> None:
    table = Table()
    _, far = table.calling()
    table.pool.apply(table.replicas[0], Event.DRAIN, 0.0)
    far.answer()
    assert far.transport.ended == "aborted"


def test_what_is_kept_ends_when_the_replica_is_dropped() -> None:
    table = Table()
    _, far = table.calling()
    far.answer()
    table.connections.close()
    assert (far.transport.ended, len(table.deadlines)) == ("aborted", 0)


class Caller:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.limit_at = math.inf
        self.links: list[Link] = []
        self.errors: list[OSError] = []

    def connected(self, link: Link, now: float) -> None:
        self.links.append(link)

    def connect_failed(self, error: OSError) -> None:
        self.errors.append(error)


@pytest.fixture(name="short_pauses")
def short_pauses_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHORTAGE_SECONDS", 0.0)


def opened(tries: Sequence[Exception | None], seconds: float = 9.0) -> tuple[Caller, int]:
    """Who asked for a connection where each try fails with that error, or succeeds; and how many were left."""
    left = list(tries)
    caller, replica = Caller(), Replica(0, "r0", 1, 0.0)
    replica.host = "replica"

    async def connect(*_: object) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "create_connection", connect)
            async with asyncio.TaskGroup() as tasks:
                Connections(tasks, Deadlines(1.0), seconds).open(replica, caller)

    asyncio.run(scenario())
    return caller, len(left)


def shortage() -> OSError:
    return OSError(errno.EMFILE, "Too many open files")


@pytest.mark.usefixtures("short_pauses")
def test_a_connection_waits_for_a_file_descriptor() -> None:
    caller, left = opened([shortage(), shortage(), None])
    assert (len(caller.links), caller.errors, left) == (1, [], 0)


@pytest.mark.usefixtures("short_pauses")
def test_a_shortage_that_lasts_is_what_is_told() -> None:
    caller, _ = opened([shortage() for _ in range(100_000)], seconds=0.01)
    assert [error.errno for error in caller.errors] == [errno.EMFILE]


@pytest.mark.usefixtures("short_pauses")
def test_a_refused_connection_is_told_at_once() -> None:
    caller, left = opened([ConnectionRefusedError(errno.ECONNREFUSED, "refused"), None])
    assert ([error.errno for error in caller.errors], left) == ([errno.ECONNREFUSED], 1)


def test_what_can_be_no_host_name_is_an_error_of_that_connection() -> None:
    caller, _ = opened([UnicodeError("label too long")])
    assert "label too long" in str(caller.errors[0])


def test_a_proxy_that_stops_at_once_opens_none_and_says_so_when_the_caller_has_gone_on() -> None:
    async def scenario() -> None:
        caller = Caller()
        async with asyncio.TaskGroup() as tasks:
            pass
        Connections(tasks, Deadlines(1.0), 60.0).open(Replica(0, "r0", 1, 0.0), caller)
        assert caller.errors == []
        await asyncio.sleep(0)
        assert [str(error) for error in caller.errors] == ["the proxy is stopping"]

    asyncio.run(scenario())


def test_a_connection_is_not_waited_for_longer_than_its_request_has() -> None:
    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    async def scenario() -> None:
        caller, replica = Caller(), Replica(0, "r0", 1, 0.0)
        replica.host = "replica"
        caller.limit_at = time.monotonic() + 0.001
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "create_connection", never)
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                Connections(tasks, Deadlines(1.0), 60.0).open(replica, caller)
        assert time.monotonic() >= caller.limit_at  # so that it is no fault of the replica's
        assert [type(error) for error in caller.errors] == [TimeoutError]

    asyncio.run(scenario())

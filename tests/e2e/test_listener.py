from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from proxy.net.client import LINGER_SECONDS
from proxy.net.listener import MAX_LINGERING, Arrival, Listener, max_clients
from tests.e2e.scene import Run, eventually, run_fixture, scene
from tests.net.fakes import FakeTransport, Table

__all__ = ["run_fixture"]


@contextmanager
def full_listener() -> Iterator[tuple[Listener, Callable[[], FakeTransport]]]:
    """A listener that has all the clients it can; the function is one more that comes."""
    listener = Listener(Table().site, 65_536)
    listener.max_clients = 0

    def come() -> FakeTransport:
        transport = FakeTransport()
        transport.protocol = Arrival(listener)
        transport.protocol.connection_made(transport)
        return transport

    yield listener, come
    listener.close()


def test_one_too_many_is_told_so_and_the_others_are_served(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as made:
            made.listener.max_clients = 2
            first, second = await made.connect(), await made.connect()
            answer = await (await made.connect()).rest()
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"connection: close\r\nretry-after: 1" in head
            assert b'"type":"overloaded"' in body
            assert made.app.statuses == {}
            for client in (first, second):
                client.send("/bytes/1", close=True)
                assert (await client.rest()).startswith(b"HTTP/1.1 200 ")

    run(scenario())


def test_who_asked_before_the_shutdown_and_was_not_read_yet_is_answered(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as made, asyncio.TaskGroup() as tasks:
            client = await made.connect()
            await eventually(lambda: len(made.listener) == 1)
            os.write(client.writer.get_extra_info("socket").fileno(), b"GET /bytes/1 HTTP/1.1\r\nhost: a\r\n\r\n")
            tasks.create_task(made.listener.drain())
            answer = await client.rest()
            client.writer.close()
        assert answer.startswith((b"HTTP/1.1 503 ", b"HTTP/1.1 200 "))  # which, is up to the loop

    run(scenario())


def test_a_place_that_is_left_can_be_taken(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as made:
            made.listener.max_clients = 1
            first = await made.connect()
            await eventually(lambda: len(made.listener) == 1)
            first.writer.close()
            await eventually(lambda: len(made.listener) == 0)
            assert (await made.ask("/bytes/1")).startswith(b"HTTP/1.1 200 ")

    run(scenario())


def listening() -> int:
    """Sockets of this process."""
    return sum(one.status == psutil.CONN_LISTEN for one in psutil.Process().net_connections("tcp"))


async def cancelled_opening(turns: int) -> None:
    """After so many turns of the loop, where it is not over by then."""
    listener = Listener(Table().site, 65_536)
    async with asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(listener.open("127.0.0.1", 0))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
    listener.close()


def test_an_opening_that_is_cancelled_leaves_no_socket(run: Run) -> None:
    gc.collect()  # what earlier tests have left is not counted

    async def scenario() -> None:
        before = listening()
        for turns in range(10):
            await cancelled_opening(turns)
            await eventually(lambda: listening() == before)  # uvloop closes in a later turn

    run(scenario())


def test_only_so_many_may_take_their_time_to_read_why() -> None:
    async def scenario() -> None:
        with full_listener() as (_, come):
            ends = [come().ended for _ in range(MAX_LINGERING + 1)]
            assert ends == ["half"] * MAX_LINGERING + ["closed"]

    asyncio.run(scenario())


def test_one_that_was_turned_away_and_stays_is_cut_off() -> None:
    async def scenario() -> None:
        with full_listener() as (listener, come):
            transport = come()
            listener.timeouts.sweep(time.monotonic() + LINGER_SECONDS)
            assert (transport.ended, len(listener.timeouts)) == ("aborted", 1)
            assert transport.protocol is not None
            transport.protocol.connection_lost(None)
            assert len(listener.timeouts) == 0

    asyncio.run(scenario())


def test_the_log_tells_once_that_it_is_full(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        with full_listener() as (_, come):
            come()
            come()

    asyncio.run(scenario())
    assert caplog.messages == ["0 clients, as many as the limit of open files allows: more are refused"]


@pytest.mark.parametrize(("descriptors", "clients"), [(20_000, 9_936), (256, 64), (64, 64)])
def test_the_limit_of_open_files_gives_the_most_clients(
    descriptors: int, clients: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (descriptors, descriptors))
    assert max_clients() == clients

"""A replica far away closes a kept connection while a POST is on its way: its end comes first, its reset later."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from tests.e2e.scene import Client, Run, Scene, eventually, run_fixture, scene
from tests.e2e.tcp_peer import PORT, REPLICA, TUN, Segment, TcpConnection, TcpPeer

__all__ = ["run_fixture"]  # makes it known here

CLONE_NEWNET = 0x40000000  # linux/sched.h

pytestmark = pytest.mark.skipif(
    not os.access(TUN, os.W_OK) or os.geteuid() != 0 or shutil.which("ip") is None,
    reason="needs root, a TUN device and ip: the other end's packets are made by hand",
)


def apart(run: Run, scenario: Callable[[], Awaitable[None]]) -> None:
    """In a thread with a network of its own."""

    async def bounded() -> None:
        await scenario()

    def alone() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            pytest.skip("the thread cannot have a network of its own")
        run(bounded())

    with ThreadPoolExecutor(1) as thread:
        thread.submit(alone).result()


@asynccontextmanager
async def posted() -> AsyncIterator[tuple[Scene, Client, TcpPeer, TcpConnection, Segment]]:
    """A POST has gone over a kept connection and is not acknowledged."""
    peer = TcpPeer()
    async with scene(limits=()) as house:
        house.app.ready(1, REPLICA, PORT)
        client = await house.connect()
        client.send("/first")
        connection = await peer.accept()
        connection.answer(await connection.request())
        assert (await client.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        client.send("/second", b"once")
        segment = await connection.request()
        assert segment.data.endswith(b"once")
        yield house, client, peer, connection, segment
        await eventually(lambda: house.app.slots_taken == [0])
    peer.close()


def test_it_goes_again_when_the_reset_has_come(run: Run) -> None:
    async def scenario() -> None:
        async with posted() as (house, client, peer, connection, _):
            connection.end()
            await asyncio.sleep(0.1)  # several looks at it
            assert house.app.slots_taken == [1]
            connection.reset()
            second = await peer.accept()
            again = await second.request()
            assert again.data.endswith(b"once")
            second.answer(again)
            assert (await client.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")

    apart(run, scenario)


@pytest.mark.parametrize("what", ["taken after the end", "taken before the end", "nothing"])
def test_it_does_not_go_again_if_it_may_have_been_taken(run: Run, what: str) -> None:
    async def scenario() -> None:
        async with posted() as (_, client, peer, connection, segment):
            if what == "taken before the end":
                connection.acknowledge(segment)
            connection.end()
            if what == "taken after the end":
                connection.acknowledge(segment)
            if what != "nothing":
                connection.reset()
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 502")
            left = [peer.segments.get_nowait() for _ in range(peer.segments.qsize())]
            assert {each.port for each in left} <= {segment.port}

    apart(run, scenario)

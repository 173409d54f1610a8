"""Ends of tunnels whose other end does not read: they are seen at once, and nothing that was sent is lost."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from proxy.net import ending
from tests.e2e.scene import Client, Run, Scene, eventually, run_fixture, scene

__all__ = ["run_fixture"]  # makes it known here

UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: w\r\n\r\n"
PIECE = bytes(16_384)


@asynccontextmanager
async def tunnel() -> AsyncIterator[tuple[Scene, Client, Client]]:
    """The client's and the replica's ends of one; neither reads much ahead."""
    ends: asyncio.Queue[Client] = asyncio.Queue()

    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        ends.put_nowait(Client(reader, writer))

    async with scene(limits=()) as house:
        server = await asyncio.start_server(switch, "127.0.0.1", 0)
        house.app.ready(1, "127.0.0.1", server.sockets[0].getsockname()[1])
        client = await house.connect()
        client.writer.write(UPGRADE)
        assert await client.reader.read(len(SWITCH))
        replica = await ends.get()
        yield house, client, replica
        replica.writer.transport.abort()
        server.close()


async def fill(house: Scene, end: Client) -> int:
    """Send until the proxy reads no more; what was sent, all of which it has."""
    sent = 0
    while not len(house.listener.hangups):
        end.writer.write(PIECE)
        sent += len(PIECE)
        while unacknowledged(end) and not len(house.listener.hangups):
            await asyncio.sleep(0)
    await eventually(lambda: not unacknowledged(end))
    return sent


def unacknowledged(end: Client) -> int:
    """Bytes, those that have not come to the kernel yet included."""
    sock = end.writer.get_extra_info("socket")
    kept = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return int(kept) + end.writer.transport.get_write_buffer_size()


def test_a_replica_that_ends_frees_its_slot_though_the_client_does_not_read(run: Run) -> None:
    async def scenario() -> None:
        async with tunnel() as (house, client, replica):
            sent = await fill(house, replica)
            replica.writer.close()
            await eventually(lambda: house.app.slots_taken == [0])
            assert len(await client.rest()) >= sent

    run(scenario())


def test_a_client_that_ends_is_seen_though_the_replica_does_not_read_and_all_it_sent_arrives(run: Run) -> None:
    async def scenario() -> None:
        async with tunnel() as (house, client, replica):
            sent = await fill(house, client)
            client.writer.write_eof()
            await eventually(lambda: not len(house.listener.hangups))
            assert house.app.slots_taken == [1]
            assert len(await replica.rest()) == sent
            replica.writer.close()
            await eventually(lambda: house.app.slots_taken == [0])

    run(scenario())


@pytest.mark.parametrize("whose", ["client", "replica"])
def test_an_end_that_breaks_off_is_seen_though_the_other_does_not_read(run: Run, whose: str) -> None:
    async def scenario() -> None:
        async with tunnel() as (house, client, replica):
            end = client if whose == "client" else replica
            await fill(house, end)
            ending.reset(cast(asyncio.Transport, end.writer.transport))
            if whose == "client":
                await eventually(lambda: not len(house.listener))
                assert house.app.slots_taken == [1]
            else:
                await eventually(lambda: house.app.slots_taken == [0])

    run(scenario())

"""Kept connections that a replica closes in the moment they are used: over real sockets, since the kernel decides."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import cast

import pytest

from proxy.net import ending
from proxy.net.call import PROOF_SECONDS
from proxy.net.link import Link
from tests.e2e.scene import Run, eventually, run_fixture
from tests.net.fakes import HandConnections, Near, Table

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
__all__ = ["run_fixture"]  # makes it known here


class RealReplica:
    """Listens on a real socket, and acts only when the test says so."""

    def __init__(self, connections: HandConnections) -> None:
        self._connections = connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.accepted: list[socket.socket] = []

    async def connect(self) -> socket.socket:
        """Open what the request path has asked for."""
        replica, caller = self._connections.asked.pop(0)
        loop = asyncio.get_running_loop()
        link = Link(self._connections, replica)
        await loop.create_connection(lambda: cast(asyncio.Protocol, link), *self._listener.getsockname())
        self.accepted.append(self._listener.accept()[0])
        caller.connected(link, time.monotonic())
        return self.accepted[-1]

    def close(self) -> None:
        for sock in (*self.accepted, self._listener):
            sock.close()


async def kept(table: Table) -> tuple[Near, RealReplica, socket.socket]:
    """A client, and a connection that has served one request."""
    near, replica = table.client(), RealReplica(table.connections)
    near.get()
    sock = await replica.connect()
    sock.recv(1000)
    sock.send(ANSWER)
    await eventually(lambda: near.statuses == [200])
    return near, replica, sock


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was acknowledged")
def test_a_post_that_provably_reached_nobody_is_sent_again(run: Run) -> None:
    async def scenario() -> None:
        table = Table()
        near, replica, sock = await kept(table)
        sock.close()
        near.post(b"body")  # before the loop has seen the end of the connection
        await eventually(lambda: table.connections.asked)
        again = await replica.connect()
        assert again.recv(1000).endswith(b"\r\n\r\nbody")
        again.send(ANSWER)
        await eventually(lambda: near.statuses == [200, 200])
        table.connections.close()
        replica.close()

    run(scenario())


@pytest.mark.parametrize("how", ["reads a part", "reads all", "ends its sending side only"])
def test_a_post_that_a_replica_may_have_taken_is_502(run: Run, how: str) -> None:
    async def scenario() -> None:
        table = Table()
        near, replica, sock = await kept(table)
        if how == "ends its sending side only":
            sock.shutdown(socket.SHUT_WR)
        near.post(b"body")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if how.startswith("reads"):
            sock.recv(3 if how == "reads a part" else 1000)
            sock.close()
        await asyncio.sleep(0.02)
        table.sweep(PROOF_SECONDS)
        assert (near.statuses, table.connections.asked, table.app.slots_taken) == ([200, 502], [], [0])
        replica.close()

    run(scenario())


def test_an_idle_connection_that_was_reset_is_not_used(run: Run) -> None:
    async def scenario() -> None:
        table = Table()
        near, replica, sock = await kept(table)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ending.RESET_ON_CLOSE)
        sock.close()
        await asyncio.sleep(0.01)
        near.post(b"body")
        assert len(table.connections.asked) == 1
        replica.close()

    run(scenario())

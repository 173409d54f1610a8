"""Connections of the function server whose requests wait until the test lets them go on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from proxy.errors import AnswerError
from runtime.connection import Connection, Connections
from runtime.exchange import Reply, Request
from tests.runtime.fakes import FakeTransport


class House:
    """Connections whose requests wait until the test lets them go on; remembers them."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.seen: list[str] = []
        self.headers: dict[bytes, bytes] = {}  # of the last request whose body has come
        self.go_on = asyncio.Event()
        self.connections = Connections(group, self.respond)
        self.made: list[Connection] = []

    async def respond(self, request: Request, reply: Reply) -> None:
        try:
            body = await request.body()
            self.headers = dict(request.headers)
            self.seen.append(f"{request.method} {request.path} {body.decode()}")
            await self.go_on.wait()
            reply.whole(200, b"{}")
        except AnswerError as error:
            reply.whole(error.status, str(error).encode())
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise

    def connect(self) -> tuple[Connection, FakeTransport]:
        connection, transport = self.connections.accept(), FakeTransport()
        connection.connection_made(transport)
        self.made.append(connection)
        return connection, transport

    def close(self) -> None:
        for connection in self.made:
            connection.connection_lost(None)


def run(scenario: Callable[[House], Awaitable[None]]) -> None:
    async def within_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            house = House(group)
            await scenario(house)
            house.close()

    asyncio.run(within_a_group())


def statuses(transport: FakeTransport) -> list[bytes]:
    return re.findall(rb"HTTP/1.1 (\d+)", transport.sent)

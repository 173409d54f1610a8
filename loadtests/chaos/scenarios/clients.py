"""Rude clients beside polite ones: the polite ones must not notice."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from chaos.client import Client
from chaos.proxy import Command
from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.stage import Stage

RUDE = 30
SECONDS = 4.0
ONE_SLOT = Setting(replicas=3)


async def _rudely(stage: Stage, visit: Callable[[Stage, int], Awaitable[None]], count: int = RUDE) -> None:
    """Many at once, again and again."""

    async def again(number: int) -> None:
        while True:
            with contextlib.suppress(OSError, EOFError, ValueError):
                await visit(stage, number)
            await asyncio.sleep(0.01)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(again(number))


@scenario("clients leave in the queue, in their upload and in the answer", 2.0, short=True)
async def clients_abort(stage: Stage) -> None:
    async def visit(stage: Stage, number: int) -> None:
        client = await Client.connect(stage.port())
        asks = (b"GET /slow/0.3", b"GET /deaf/0.2", b"GET /events/40", b"GET /bytes/200000", b"POST /upload/0.01")
        try:
            await client.send(asks[number % 5] + b"/?rude HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\n")
            await client.send(bytes(stage.random.choice((0, 4000, 9000))))
            await asyncio.sleep(stage.random.uniform(0, 0.2))
        finally:
            client.close(reset=stage.random.random() < 0.5)

    await _rudely(stage, visit)


@scenario("clients ask for much and read nothing", 14.0, setting=ONE_SLOT)
async def clients_stall(stage: Stage) -> None:
    """What fits into buffers frees its slot; the rest keeps it until idle_seconds are over."""

    async def visit(stage: Stage, number: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.port(), limit=1)
        try:
            writer.write(b"GET /bytes/400000/?rude HTTP/1.1\r\nhost: a\r\n\r\n")
            await asyncio.sleep(stage.random.uniform(0.5, 3))
        finally:
            writer.transport.abort()

    await _rudely(stage, visit, 8)


@scenario("clients send heads and bodies byte by byte", 2.0, setting=ONE_SLOT)
async def clients_slow(stage: Stage) -> None:
    async def visit(stage: Stage, _: int) -> None:
        client = await Client.connect(stage.port())
        try:
            for byte in b"POST /small/?rude HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n":
                await client.send(bytes((byte,)))
                await asyncio.sleep(0.02)
        finally:
            client.close()

    await _rudely(stage, visit)


# So many open files that 64 clients fit: the polite ones are among them.
FEW_FILES = Setting(command=Command(prefix=("prlimit", "--nofile=256")))


@scenario("more connections come than the proxy may have open", 2.0, setting=FEW_FILES, short=True)
async def clients_flood(stage: Stage) -> None:
    flood: list[socket.socket] = []
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                flood.append(socket.create_connection(("127.0.0.1", stage.port()), timeout=1))
            await asyncio.sleep(0.005)
        await asyncio.sleep(1.0)
    finally:
        for connection in flood:
            connection.close()
    stage.mark()


SHORT_LINE = Setting(more="[tidegate.queue]\nmax_length = 4\n", visitors=3)


@scenario(
    "more requests come than may wait: 429 to some, none is forgotten",
    3.0,
    setting=SHORT_LINE,
    refusals=frozenset({429}),
)
async def queue_overrun(stage: Stage) -> None:
    async def visit(stage: Stage, _: int) -> None:
        client = await Client.connect(stage.port())
        try:
            await client.ask(b"GET /slow/0.05/?rude HTTP/1.1\r\nhost: a\r\n\r\n")
        finally:
            client.close()

    await _rudely(stage, visit)

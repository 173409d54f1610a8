"""The request path over real sockets: a listener, one app, its replicas' servers and clients."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import uvloop

from proxy.net.certificate import Certificate
from proxy.net.handshakes import Handshakes
from proxy.net.listener import Listener
from tests.e2e.certificates import trusting, write_certificate
from tests.net.house import App, RealHouse, app_config
from tests.net.replica_server import ReplicaServer

DEADLINE_SECONDS = 60  # far more than any of them takes, on a busy machine too
Run = Callable[[Coroutine[object, object, None]], None]
Over = Callable[..., AbstractAsyncContextManager["Scene"]]


@pytest.fixture(name="run", params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run_fixture(request: pytest.FixtureRequest) -> Run:
    runner: Run = request.param

    async def bounded(scenario: Coroutine[object, object, None]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scenario

    return lambda scenario: runner(bounded(scenario))


class Scene:
    """A listener, one app and its replicas' servers."""

    def __init__(self, app: App, listener: Listener, servers: list[ReplicaServer]) -> None:
        self.app = app
        self.listener = listener
        self.servers = servers
        self.clients: list[Client] = []

    @property
    def server(self) -> ReplicaServer:
        return self.servers[0]

    @property
    def quiet(self) -> bool:
        """Nothing is left of any request."""
        return not (self.app.pool.demand.present or len(self.listener) or any(server.busy for server in self.servers))

    async def connect(self) -> Client:
        tls = trusting() if self.listener.secure else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port, ssl=tls)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def ask(self, target: str, body: bytes = b"") -> bytes:
        """The whole answer to one request over a connection of its own."""
        client = await self.connect()
        client.send(target, body, close=True)
        return await client.rest()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.broken = False

    def send(self, target: str, body: bytes = b"", close: bool = False) -> None:
        method = "POST" if body else "GET"
        head = f"{method} {target} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n"
        self.writer.write(f"{head}{'connection: close' if close else 'x: y'}\r\n\r\n".encode() + body)

    async def rest(self) -> bytes:
        """All until the connection ends, however it ends."""
        data = b""
        try:
            while piece := await self.reader.read(65_536):
                data += piece
        except (ConnectionError, ssl.SSLError):
            self.broken = True
        return data


@asynccontextmanager
async def scene(
    toml: str = "", limits: tuple[int, ...] = (1,), certificate: Certificate | None = None
) -> AsyncIterator[Scene]:
    """With a certificate, clients speak TLS."""
    async with asyncio.TaskGroup() as tasks:
        house = RealHouse(tasks, [app_config("demo", toml)])
        handshakes = None if certificate is None else Handshakes(tasks, certificate)
        listener = Listener(house.site, 65_536, handshakes)
        servers = [ReplicaServer() for _ in limits]
        for server, limit in zip(servers, limits, strict=True):
            await server.open()
            house.apps[0].ready(limit, "127.0.0.1", server.port)
        await listener.open("127.0.0.1", 0)
        sweeps = [tasks.create_task(deadlines.run()) for deadlines in (house.deadlines, listener.timeouts)]
        made = Scene(house.apps[0], listener, servers)
        try:
            yield made
        finally:
            for client in made.clients:
                client.writer.transport.abort()
            listener.close()  # also after a failure: uvloop waits for what is left open
            house.apps[0].connections.close()
            for server in servers:
                server.close()
        await listener.drain()
        for sweep in sweeps:
            sweep.cancel()


@pytest.fixture(name="over", params=["plain", "tls"])
def over_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> Over:
    """Makes scenes whose clients speak either."""
    if request.param == "plain":
        return scene
    certificate = Certificate(*write_certificate(tmp_path))
    return partial(scene, certificate=certificate)


async def eventually(condition: Callable[[], object]) -> None:
    """Bounded by the deadline of `run`."""
    while not condition():
        await asyncio.sleep(0.005)

"""What a scenario plays on: an app of misbehaving replicas, the proxy before it, shims, and the polite load."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from chaos.load import WHOLE, Load
from chaos.proxy import REPLICA_SERVER, Command, Proxy, Sample
from chaos.setting import Setting
from chaos.shim import Shim
from tests.e2e.own_engine import OwnEngine


class Stage:
    """Owns everything that runs for one scenario. `fault_ends` is where recovery is reckoned from."""

    def __init__(self, folder: Path, setting: Setting, random: Random) -> None:
        self.folder = folder
        self.setting = setting
        self.random = random
        self.shims: list[Shim] = []
        self.proxies: list[Proxy] = []
        self.fault_ends = 0.0
        self.before: Sample | None = None  # what there must be no more of afterwards
        self.engine: OwnEngine | None = None
        self._front: Shim | None = None
        self.load = Load(self.port, random)

    @property
    def proxy(self) -> Proxy:
        """The one that runs now."""
        return self.proxies[-1]

    @property
    def front(self) -> Shim:
        """Between clients and proxy."""
        assert self._front is not None
        return self._front

    def port(self) -> int:
        return self._front.port if self._front else self.proxy.port

    def mark(self) -> None:
        """From here on it may recover."""
        self.fault_ends = time.monotonic()

    async def start_proxy(self, port: int = 0, command: Command | None = None) -> Proxy:
        command = command or self.setting.command
        if self.engine is not None:
            command = replace(command, arguments=("--backend", "docker"), env={"DOCKER_HOST": self.engine.address})
        proxy = await asyncio.to_thread(Proxy, self.folder, command, port)
        self.proxies.append(proxy)
        await asyncio.to_thread(proxy.await_start)
        return proxy

    async def ready(self, seconds: float = 20.0) -> None:
        """Return when that many requests in a row as there are visitors have been answered."""
        began = time.monotonic()
        while len(self.load.since(began, WHOLE)) < self.setting.visitors:
            if time.monotonic() > began + seconds:
                raise RuntimeError(f"no answers before the fault:\n{self.proxy.log()[-3000:]}")
            await asyncio.sleep(0.02)

    async def open_front(self, opened: AsyncExitStack) -> None:
        if self.setting.client_shim:
            self._front = Shim(self.proxy.port, self.random)
            await self._front.open()
            opened.push_async_callback(self._front.close)


@asynccontextmanager
async def stage(folder: Path, setting: Setting, random: Random) -> AsyncIterator[Stage]:
    """All that runs, up and answering; ended at the end, whatever happened."""
    made = Stage(folder, setting, random)
    async with AsyncExitStack() as opened:
        for _ in range(setting.replicas if setting.shims else 0):
            made.shims.append(await _own_replica(folder, random, opened))
        setting.write(folder, [shim.port for shim in made.shims])
        if setting.engine:
            made.engine = await asyncio.to_thread(_own_engine, folder / "engine", opened)
        if setting.small_state:
            opened.enter_context(_small_disk(folder / "state"))
        opened.callback(lambda: [(proxy.end(), proxy.survivors()) for proxy in made.proxies])
        await made.start_proxy()
        await made.open_front(opened)
        yield made


async def _own_replica(folder: Path, random: Random, opened: AsyncExitStack) -> Shim:
    """Of the static backend, behind its shim."""
    port = free_port(random)
    argv = [sys.executable, str(REPLICA_SERVER), str(port), str(folder / "journal")]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    opened.callback(process.wait)
    opened.callback(process.kill)
    shim = Shim(port, random)
    await shim.open()
    opened.push_async_callback(shim.close)
    return shim


def _own_engine(folder: Path, opened: AsyncExitStack) -> OwnEngine:
    folder.mkdir()
    engine = OwnEngine(folder, "tidegate-chaos", "10.213.78.1/24")
    opened.callback(engine.disconnect)
    opened.callback(engine.stop)
    engine.connect()
    engine.start()
    engine.load()
    return engine


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0  # only root may
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_port(random: Random) -> int:
    """Below those that the kernel gives to outgoing connections, so that none of these takes it meanwhile."""
    while True:
        port = random.randint(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

"""What a scenario plays on: an app of misbehaving replicas, the proxy before it, shims, and the polite load."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos.load import WHOLE, Load
from chaos.proxy import APP, REPLICA_SERVER, Command, Proxy, Sample
from chaos.shim import Shim

LIMIT = 2
CONFIG = """
[cerebrium.deployment]
name = "{app}"

[cerebrium.runtime.custom]
entrypoint = {entrypoint}
readycheck_endpoint = "/ready"

[cerebrium.scaling]
min_replicas = {replicas}
max_replicas = {replicas}
replica_concurrency = {limit}
response_grace_period = 16

[tidegate.timeouts]
connect_seconds = 5
first_byte_seconds = 3
idle_seconds = 3

[tidegate.probes]
interval_seconds = 1
timeout_seconds = 1

{more}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """`more` is added to the app's file. With `shims` the replicas are ours, of the static backend, behind shims.

    `small_state`: the state folder is a disk of its own of 512 KiB, if we are root.
    """

    replicas: int = 2
    visitors: int = 8
    shims: bool = False
    client_shim: bool = False
    small_state: bool = False
    more: str = ""
    replica_prefix: Sequence[str] = ()
    command: Command = field(default_factory=Command)
    files: Mapping[str, str] = field(default_factory=dict)


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
        proxy = await asyncio.to_thread(Proxy, self.folder, command or self.setting.command, port)
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

    def write(self) -> None:
        more = self.setting.more
        words = [
            *self.setting.replica_prefix,
            sys.executable,
            str(REPLICA_SERVER),
            "$PORT",
            str(self.folder / "journal"),
        ]
        words += [str(self.folder / name) for name in self.setting.files]
        if self.setting.shims:
            addresses = [f"127.0.0.1:{shim.port}" for shim in self.shims]
            more += f'\n[tidegate]\nbackend = "static"\n[tidegate.static]\nreplicas = {addresses}\n'
        for name, text in self.setting.files.items():
            (self.folder / name).write_text(text)
        replicas = self.setting.replicas
        text = CONFIG.format(app=APP, entrypoint=words, replicas=replicas, limit=LIMIT, more=more)
        (self.folder / "cerebrium.toml").write_text(text)

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
        made.write()
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


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    if os.getuid() != 0:
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_port(random: Random) -> int:
    """Below those that the kernel gives to outgoing connections, so that none of these takes it meanwhile."""
    while True:
        port = random.randint(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

"""The static backend: replicas that someone else runs; they are probed, limited and balanced, never started."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from proxy.backends.base import Consumption, Exit, Found, Handle
from proxy.errors import StartError, UserError

if TYPE_CHECKING:
    from proxy.config import AppConfig


class StaticHandle:
    """One configured address while it is used; ends only by being let go."""

    obstacle = ""
    create_seconds = 0.0

    def __init__(self, address: tuple[str, int], used: set[tuple[str, int]]) -> None:
        self._address = address
        self._used = used
        self._released = asyncio.Event()

    @property
    def host(self) -> str:
        return self._address[0]

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def identity(self) -> Mapping[str, int | str]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return {"address": f"{host}:{self.port}"}

    def last_lines(self) -> tuple[str, ...]:
        return ()

    async def wait(self) -> Exit:
        await self._released.wait()
        return Exit(None, "released")

    async def terminate(self) -> None:
        """Let the address go; the server behind it is not ours to touch."""
        if not self._released.is_set():
            self._used.discard(self._address)
            self._released.set()

    async def kill(self) -> None:
        await self.terminate()


class StaticBackend:
    """Hands out each address of tidegate.static.replicas to one replica at a time."""

    def __init__(self, config: AppConfig) -> None:
        self._config = config
        self.restarts = False  # what fails there is somebody else's to mend: it is waited for
        self.outlives = True
        self._used: set[tuple[str, int]] = set()

    async def identity(self) -> str:
        return "static"  # what is behind an address is not ours to know

    def revise(self, config: AppConfig) -> StaticBackend:
        revised = StaticBackend(config)
        revised._used = self._used
        return revised

    async def check(self) -> None:
        """Raise UserError if there is no address at all."""
        if not self._config.static.replicas:
            raise UserError(
                f"{self._config.file}: the static backend needs tidegate.static.replicas, "
                'a list of "host:port"; add the addresses of the running servers'
            )

    async def find(self) -> Sequence[Found]:
        return ()

    async def prepare(self) -> None:
        return

    async def start(self, replica_id: str) -> StaticHandle:
        address = next((one for one in self._config.static.replicas if one not in self._used), None)
        if address is None:
            raise StartError(f"every address of tidegate.static.replicas of app {self._config.name} is in use")
        self._used.add(address)
        return StaticHandle(address, self._used)

    async def consumption(self, handles: Mapping[str, Handle]) -> Mapping[str, Consumption]:
        return {}

    async def close(self, keep: bool = False) -> None:
        return

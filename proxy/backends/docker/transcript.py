"""What a container prints, followed as long as it runs."""

from __future__ import annotations

import asyncio

import aiohttp
from aiodocker import DockerError

from proxy.backends.output import Output
from proxy.engine.connection import connect
from proxy.errors import EngineError


class Transcript:
    """Owns the task that reads one container's output."""

    def __init__(self, output: Output, tasks: asyncio.TaskGroup, api_version: str) -> None:
        self._output = output
        self._tasks = tasks
        self._api_version = api_version
        self._reading: asyncio.Task[None] | None = None

    def last_lines(self) -> tuple[str, ...]:
        return self._output.last_lines()

    def follow(self, container_id: str, past: bool = True) -> None:
        """Read what it says from now on, and unless `past` is false also what it has said; nothing if that is done."""
        if self._reading is None or self._reading.done():
            self._reading = self._tasks.create_task(self._read(container_id, "all" if past else "0"))

    async def ended(self, seconds: float) -> None:
        """Wait at most so long for the last of it."""
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=seconds)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, container_id: str, tail: str) -> None:
        # A client of its own: reading holds a connection for as long as the container runs, and a client has only 100.
        try:
            async with connect(self._api_version) as docker:
                container = docker.containers.container(container_id)
                async for said in container.log(stdout=True, stderr=True, follow=True, tail=tail):
                    self._output.feed(said.encode())
        except (EngineError, DockerError, aiohttp.ClientError, OSError):
            return  # the container or the engine has gone, which others notice
        finally:
            self._output.finish()

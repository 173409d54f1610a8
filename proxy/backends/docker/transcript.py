"""What a container prints, followed as long as it runs."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from aiodocker import DockerError

from proxy.backends.output import Output
from proxy.engine.connection import connect
from proxy.errors import EngineError

log = logging.getLogger("tidegate.docker")


class Transcript:
    """Owns the task that reads one container's output."""

    def __init__(self, output: Output, tasks: asyncio.TaskGroup, api_version: str) -> None:
        self._output = output
        self._tasks = tasks
        self._api_version = api_version
        self._reading: asyncio.Task[None] | None = None
        self._heard = 0

    def last_lines(self) -> tuple[str, ...]:
        return self._output.last_lines()

    def follow(self, container_id: str, past: bool = True) -> None:
        """Read what it says from now on, and unless `past` is false also what it has said; nothing if that is done."""
        if self._reading is None or self._reading.done():
            self._reading = self._tasks.create_task(self._read(container_id, "all" if past else "0"))

    async def ended(self, seconds: float) -> None:
        """Wait for the last of it, until nothing has come for so long."""
        heard = -1
        while self._reading is not None and not self._reading.done() and heard != self._heard:
            heard = self._heard
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
                    self._heard += 1
        except (EngineError, DockerError, aiohttp.ClientError, OSError):
            return  # the container or the engine has gone, which others notice
        except Exception:  # what cannot be read must not end the proxy
            log.exception("output of container %s", container_id[:12])
        finally:
            self._output.finish()

"""One replica that is a container: signalled, followed, and removed when it has ended."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiodocker import DockerError
from aiodocker.containers import DockerContainer

from proxy.backends.base import Consumption, Exit
from proxy.backends.docker.transcript import Transcript
from proxy.engine.connection import engine_errors
from proxy.errors import EngineError

log = logging.getLogger("tidegate.docker")

_REMOVAL_RETRY_SECONDS = 1.0
_LAST_OUTPUT_SECONDS = 2.0
# The engine's answers to a signal for a container that has ended: "is not running", "no such container", and
# "removal is already in progress".
GONE = {404, 409}
_KILLED = Exit(None, "killed by SIGKILL")


class Container:
    """Owns one container from its creation until it is removed; `on_gone` is called once then."""

    def __init__(self, container: DockerContainer, transcript: Transcript, memory_gb: float) -> None:
        self.id = container.id
        self.host = ""
        self.port = 0
        self.obstacle = ""
        self.create_seconds = 0.0
        self.on_gone: Callable[[], None] = lambda: None
        self.transcript = transcript
        self._container = container
        self._memory_gb = memory_gb
        self._out_of_memory = False
        self._signals: list[str] = []
        self._running = False
        self._ending = False
        self._removal = asyncio.Lock()
        self._is_removed = False
        self._exit: Exit | None = None
        self._gone = asyncio.Event()

    @property
    def identity(self) -> Mapping[str, int | str]:
        return {"container_id": self.id}

    @property
    def gone(self) -> bool:
        return self._exit is not None

    @property
    def starting(self) -> bool:
        """Neither started, as far as is known, nor told to end."""
        return not self._running and not self._signals

    def last_lines(self) -> tuple[str, ...]:
        return self.transcript.last_lines()

    async def wait(self) -> Exit:
        await self._gone.wait()
        assert self._exit is not None
        return self._exit

    async def start(self) -> None:
        """Raises DockerError."""
        await self._container.start()
        self._running = True
        self.transcript.follow(self.id)

    def taken_over(self, paused: bool) -> None:
        """An earlier proxy has started it, and logged what it said so far."""
        self._running = True
        self.paused(paused)
        self.transcript.follow(self.id, past=False)

    async def inspect(self) -> dict[str, Any]:  # a JSON document
        """Raises DockerError; status 404 if somebody has removed it."""
        return await self._container.show()

    # What it is told

    async def terminate(self) -> None:
        if self._exit is None and not self._signals:
            self._signals.append("SIGTERM")
            await self._tell()

    async def kill(self) -> None:
        if self._exit is None:
            self._signals.append("SIGKILL")
            await self._tell()

    async def tell_again(self) -> None:
        """The engine answers again: it may not have heard of the last signal."""
        if self._signals and self._exit is None:
            await self._tell()

    async def _tell(self) -> None:
        """An engine that cannot be reached is told once it is back."""
        try:
            with engine_errors("signal a container"):
                if self._signals[-1] == "SIGKILL":
                    await self._remove()
                    self._over(_KILLED)
                else:
                    await self._terminate()
        except EngineError as error:
            log.warning("%s cannot be sent to container %s: %s", self._signals[-1], self.id[:12], error)

    async def _terminate(self) -> None:
        try:
            await self._container.kill(signal="SIGTERM")
            if self.obstacle:
                await self._container.unpause()
        except DockerError as error:
            if error.status not in GONE:
                raise

    # What the engine tells of it

    def paused(self, is_paused: bool) -> None:
        self.obstacle = "its container is paused" if is_paused else ""

    def out_of_memory(self) -> None:
        self._out_of_memory = True

    async def end(self) -> None:
        """Its processes have ended: find out why, take in what it said last, remove it."""
        if self._ending:
            return
        self._ending = True
        ended = _KILLED if "SIGKILL" in self._signals else await self._last_words()
        while not await self._removed():
            self._over(ended)  # whoever waits need not wait for an engine that is away
            await asyncio.sleep(_REMOVAL_RETRY_SECONDS)
        self._over(ended)

    def vanished(self) -> None:
        """Somebody else has removed it."""
        self._over(_KILLED if self._signals[-1:] == ["SIGKILL"] else Exit(None, "removed from outside"))

    async def _last_words(self) -> Exit:
        ended = await self._examine()
        await self.transcript.ended(_LAST_OUTPUT_SECONDS)
        return ended

    async def _examine(self) -> Exit:
        try:
            with engine_errors("inspect a container"):
                state = (await self.inspect())["State"]
        except EngineError as error:
            if isinstance(error.__cause__, DockerError) and error.__cause__.status in GONE:
                return Exit(None, "removed from outside")
            return Exit(None, f"ended ({error})")
        if state["OOMKilled"] or (self._out_of_memory and state["ExitCode"] != 0):
            gigabytes = f"{self._memory_gb:g} GB"
            return Exit(None, f"out of memory: it needed more than cerebrium.hardware.memory, which is {gigabytes}")
        return describe(state["ExitCode"])

    async def _removed(self) -> bool:
        try:
            with engine_errors("remove a container"):
                await self._remove()
        except EngineError as error:
            log.warning("container %s cannot be removed yet: %s", self.id[:12], error)
            return False
        return True

    async def _remove(self) -> None:
        """With everything in it, running or not; who comes while that is done waits for it."""
        async with self._removal:
            if self._is_removed:
                return
            try:
                await self._container.delete(force=True, v=True)
            except DockerError as error:
                if error.status not in GONE:
                    raise
            self._is_removed = True

    def _over(self, ended: Exit) -> None:
        if self._exit is None:
            self._exit = ended
            self.transcript.close()
            self.on_gone()
            self._gone.set()

    async def consumption(self) -> Consumption | None:
        """What the engine counted; None if the container is gone. It takes the engine about a second."""
        try:
            (stats,) = await self._container.stats(stream=False)
            memory, cpu_nanoseconds = stats["memory_stats"], stats["cpu_stats"]["cpu_usage"]["total_usage"]
            cached = memory["stats"].get("inactive_file", memory["stats"].get("total_inactive_file", 0))
            return Consumption(cpu_nanoseconds / 1e9, max(0, memory["usage"] - cached))
        except (DockerError, aiohttp.ClientError, OSError, KeyError, ValueError):  # it ends, or the engine does
            return None


def describe(code: int) -> Exit:
    """`code` as a shell has it: above 128 it is 128 and the signal's number."""
    try:
        name = signal.Signals(code - 128).name if code > 128 else ""
    except ValueError:
        name = ""
    if not name:
        return Exit(code, f"exited with code {code}")
    outside = " from outside" if name == "SIGKILL" else ""
    return Exit(None, f"killed by {name}{outside}")

"""What a container makes of what the engine answers to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from aiodocker import DockerError
from aiodocker.containers import DockerContainer

from proxy.backends.base import Exit
from proxy.backends.docker.container import Container
from proxy.backends.docker.transcript import Transcript


class FakeEngine:
    """One container's part of the engine: its removals answer as they are told to; its own transcript."""

    id = "0123456789ab"

    def __init__(self, *removals: int) -> None:
        self.removals = list(removals)
        self.asked: list[str] = []
        self.answer = asyncio.Event()
        self.answer.set()

    async def delete(self, force: bool, v: bool) -> None:
        self.asked.append("remove")
        await self.answer.wait()
        status = self.removals.pop(0) if self.removals else 204
        if status != 204:
            raise DockerError(status, "device or resource busy")

    async def start(self) -> None:
        self.asked.append("start")

    def follow(self, _id: str) -> None:
        pass

    def close(self) -> None:
        pass


def told(scenario: Callable[[Container, FakeEngine], Awaitable[None]], *removals: int) -> list[str]:
    async def started() -> list[str]:
        engine = FakeEngine(*removals)
        container = Container(cast(DockerContainer, engine), cast(Transcript, engine), 1.0)
        await container.start()
        await scenario(container, engine)
        return engine.asked

    return asyncio.run(started())


def test_one_that_could_not_be_removed_when_it_was_killed_is_removed_when_it_has_ended() -> None:
    async def scenario(container: Container, _: FakeEngine) -> None:
        await container.kill()
        assert not container.gone
        await container.end()
        assert await container.wait() == Exit(None, "killed by SIGKILL")

    assert told(scenario, 500) == ["start", "remove", "remove"]


def test_one_that_ends_while_it_is_removed_is_removed_once() -> None:
    async def scenario(container: Container, engine: FakeEngine) -> None:
        engine.answer.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(container.kill())
            await asyncio.sleep(0)
            tasks.create_task(container.end())
            await asyncio.sleep(0)
            assert not container.gone
            engine.answer.set()
        assert container.gone

    assert told(scenario) == ["start", "remove"]


def test_one_that_was_to_end_before_it_had_started_is_not_waited_for_to_start() -> None:
    async def scenario() -> None:
        engine = FakeEngine(500)
        container = Container(cast(DockerContainer, engine), cast(Transcript, engine), 1.0)
        assert container.starting
        await container.kill()
        assert not container.starting

    asyncio.run(scenario())

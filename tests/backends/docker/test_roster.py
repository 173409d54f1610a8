"""What the roster makes of the engine's list and of its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiodocker import Docker

from proxy.backends.docker.container import Container
from proxy.backends.docker.roster import Roster


class FakeContainer:
    """Remembers what it is told; its own transcript."""

    def __init__(self, name: str, starting: bool = False) -> None:
        self.id = name
        self.starting = starting
        self.told: list[object] = []
        self.transcript = self

    def vanished(self) -> None:
        self.told.append("vanished")

    def paused(self, is_paused: bool) -> None:
        self.told.append("paused" if is_paused else "not paused")

    def out_of_memory(self) -> None:
        self.told.append("out of memory")

    def follow(self, _id: str, past: bool) -> None:
        self.told.append("followed")

    async def end(self) -> None:
        self.told.append("ended")

    async def tell_again(self) -> None:
        self.told.append("told again")


class Listed(dict[str, str]):
    """One container of the engine's list."""

    @property
    def id(self) -> str:
        return self["Id"]


class FakeEngine:
    """Lists what it is given; `meanwhile` happens while it answers."""

    def __init__(self, **states: str) -> None:
        self.containers = self
        self.meanwhile: Callable[[], None] = lambda: None
        self._listed = [Listed(Id=name, State=state) for name, state in states.items()]

    async def list(self, **_: object) -> Any:  # as the engine's client has it
        self.meanwhile()
        return self._listed


def inspected(engine: FakeEngine, *containers: FakeContainer, late: FakeContainer | None = None) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            roster = Roster(cast(Docker, engine), {}, tasks)
            for container in containers:
                roster.add(cast(Container, container))
            if late is not None:
                engine.meanwhile = lambda: roster.add(cast(Container, late))
            await roster._inspect()

    asyncio.run(scenario())


def test_what_happened_while_nobody_listened_is_made_up_for() -> None:
    running, paused, ended, removed = (FakeContainer(name) for name in ("running", "paused", "ended", "removed"))
    inspected(FakeEngine(running="running", paused="paused", ended="exited"), running, paused, ended, removed)
    assert running.told == ["not paused", "followed", "told again"]
    assert paused.told == ["paused", "followed", "told again"]
    assert sorted(map(str, ended.told)) == ["ended", "told again"]
    assert removed.told == ["vanished"]


def test_a_container_that_is_created_while_the_engine_answers_is_not_taken_for_removed() -> None:
    late = FakeContainer("late", starting=True)
    inspected(FakeEngine(), late=late)
    assert late.told == []


def test_a_container_that_is_just_being_started_is_left_to_its_start() -> None:
    starting = FakeContainer("starting", starting=True)
    inspected(FakeEngine(starting="running"), starting)
    assert starting.told == []


def test_events_reach_the_container_that_they_are_about() -> None:
    one, other = FakeContainer("one"), FakeContainer("other")

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            roster = Roster(cast(Docker, FakeEngine()), {}, tasks)
            roster.add(cast(Container, one))
            roster.add(cast(Container, other))
            for action in ("pause", "unpause", "oom", "die", "exec_start"):
                roster._happened({"Actor": {"ID": "one"}, "Action": action})
            roster._happened({"Actor": {"ID": "unknown"}, "Action": "die"})

    asyncio.run(scenario())
    assert (one.told, other.told) == (["paused", "not paused", "out of memory", "ended"], [])

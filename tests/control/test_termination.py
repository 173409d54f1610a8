"""SIGTERM, the grace period, SIGKILL; and calling it off."""

from __future__ import annotations

import asyncio

import pytest

from proxy.control import termination
from proxy.control.termination import Termination
from proxy.core.replica import Event, Replica
from tests.control.fakes import FakeHandle, config, settle

WHEN_IDLE = '[tidegate.drain]\nsigterm = "when-idle"\n'


def replica(in_flight: int) -> Replica:
    made = Replica(0, "demo-1", 10, 0.0)
    made.move(Event.PASSED, 0.0)
    for _ in range(in_flight):
        made.claim()
    return made


@pytest.mark.parametrize(("toml", "in_flight"), [("", 1), (WHEN_IDLE, 0)])
def test_sigterm_comes_at_once_and_once(toml: str, in_flight: int) -> None:
    async def scenario() -> None:
        handle = FakeHandle(1)
        await Termination(config(toml), replica(in_flight), handle).run()
        assert handle.signals == ["SIGTERM"]

    asyncio.run(scenario())


def test_sigterm_leaves_a_server_time_to_read_what_has_just_been_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(termination, "SETTLE_SECONDS", 60.0)

    async def scenario() -> None:
        handle, busy = FakeHandle(1), replica(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Termination(config(), busy, handle).run())
            await settle()
            assert handle.signals == []
            busy.give_back(1.0)
        assert handle.signals == ["SIGTERM"]

    asyncio.run(scenario())


def test_sigkill_follows_at_the_end_of_the_grace_period_and_is_known_to_the_replica() -> None:
    async def scenario() -> None:
        handle, stubborn = FakeHandle(1, stubborn=True), replica(1)
        await Termination(config(response_grace_period_seconds=0.0), stubborn, handle).run()
        assert handle.signals == ["SIGTERM", "SIGKILL"]
        assert stubborn.killed

    asyncio.run(scenario())


@pytest.mark.parametrize("toml", ["", WHEN_IDLE])
def test_one_that_hung_is_not_given_the_grace_period(monkeypatch: pytest.MonkeyPatch, toml: str) -> None:
    monkeypatch.setattr(termination, "HUNG_SECONDS", 0.0)
    monkeypatch.setattr(termination, "SETTLE_SECONDS", 0.0)

    async def scenario() -> None:
        handle, hung = FakeHandle(1, stubborn=True), replica(1)
        await Termination(config(toml), hung, handle, hung=True).run()
        assert handle.signals == ["SIGTERM", "SIGKILL"]
        assert hung.killed

    asyncio.run(scenario())


def test_when_idle_sigterm_waits_for_the_last_request() -> None:
    async def scenario() -> None:
        handle, busy = FakeHandle(1), replica(2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Termination(config(WHEN_IDLE), busy, handle).run())
            await settle()
            busy.give_back(1.0)
            await settle()
            assert handle.signals == []
            busy.give_back(2.0)
        assert handle.signals == ["SIGTERM"]

    asyncio.run(scenario())


@pytest.mark.parametrize("toml", ["", WHEN_IDLE])
def test_a_termination_that_is_called_off_ends_without_a_signal(monkeypatch: pytest.MonkeyPatch, toml: str) -> None:
    monkeypatch.setattr(termination, "SETTLE_SECONDS", 60.0)

    async def scenario() -> None:
        handle, busy = FakeHandle(1), replica(1)
        ending = Termination(config(toml), busy, handle)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ending.run())
            await settle()
            assert ending.recall()
        busy.give_back(1.0)
        assert handle.signals == []

    asyncio.run(scenario())


def test_calling_off_in_the_tick_of_the_last_request_s_end_still_counts() -> None:
    async def scenario() -> None:
        handle, busy = FakeHandle(1), replica(1)
        termination = Termination(config(WHEN_IDLE), busy, handle)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(termination.run())
            await settle()
            busy.give_back(1.0)
            assert termination.recall()
        assert handle.signals == []
        assert not Termination(config(WHEN_IDLE), busy, handle).recall()

    asyncio.run(scenario())


def test_after_its_last_moment_a_termination_cannot_be_called_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(termination, "SETTLE_SECONDS", 0.0)

    async def scenario() -> None:
        handle = FakeHandle(1)
        ending = Termination(config(), replica(1), handle)
        await ending.run()
        assert not ending.recall()
        assert handle.signals == ["SIGTERM"]

    asyncio.run(scenario())

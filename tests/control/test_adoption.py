"""Replicas that an earlier proxy has started, and those that are left to the next one."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxy.backends.base import Found
from proxy.control.revision import Revision
from proxy.core.replica import Event, State
from tests.control.fakes import NO, QUICK, YES, FakeBackend, FakeHandle, Steered, config, settle, steered, until


def left(number: int, current: bool = True) -> Found:
    return Found(f"demo-{number}", FakeHandle(41000 + number), current)


@steered(config())
async def test_what_runs_already_is_asked_before_it_gets_requests(app: Steered) -> None:
    app.prober.readiness = NO
    app.backend.found = [left(1)]
    await app.adoption.run()
    (replica,) = app.replicas
    await until(lambda: len(app.prober.asked) > 1)
    assert (replica.id, replica.state) == ("demo-1", State.STARTING)
    app.prober.readiness = YES
    await until(lambda: replica.routable)
    assert replica.port == 41001
    assert (app.backend.handles, app.metrics.cold_starts) == ([], 0)


@steered(config())
async def test_what_is_of_another_configuration_serves_until_it_is_replaced(app: Steered) -> None:
    app.backend.found = [left(1), left(2, current=False)]
    await app.adoption.run()
    await until(lambda: app.states == ["ready", "ready"])
    assert [replica.revision for replica in app.replicas] == [1, 0]


@steered(config())
async def test_what_is_of_another_configuration_and_out_of_reach_is_drained(app: Steered) -> None:
    handle = FakeHandle(0)
    app.backend.found = [Found("demo-1", handle, current=False)]
    await app.adoption.run()
    await until(lambda: app.states == [])
    assert handle.signals == ["SIGTERM"]


@steered(config("max_replicas = 2"))
async def test_what_runs_already_keeps_the_limit_that_it_was_told(app: Steered) -> None:
    parsed = config(replica_concurrency=8)
    app.lifecycle.configure(parsed)
    app.backend.found = [Found("demo-1", FakeHandle(41001), current=False, limit=4)]
    await app.adoption.run()
    assert [replica.limit for replica in app.replicas] == [4]


@steered(config())
async def test_an_adopted_replica_ends_as_any_other(app: Steered) -> None:
    app.backend.found = [found := left(1)]
    await app.adoption.run()
    await until(lambda: app.states == ["ready"])
    assert isinstance(found.handle, FakeHandle)
    found.handle.exit("exited with code 3")
    await until(lambda: app.states == [])
    assert app.metrics.exits == {"exited with code 3": 1}


@steered(config())
async def test_who_waits_is_told_why_nothing_can_be_started_until_the_backend_answers(app: Steered) -> None:
    app.backend.find_errors = ["the engine is away"]
    waiter = app.wait()
    await app.adoption.run()
    assert str(waiter.error) == "no replica of demo can be started: the engine is away"
    app.wait()


@steered(config())
async def test_a_backend_that_cannot_tell_is_asked_again_with_longer_and_longer_pauses(app: Steered) -> None:
    app.backend.find_errors = ["no such image"] * 9
    app.tasks.create_task(app.adoption.run())
    for tries, pause_seconds in [(2, 1), (3, 2), (4, 4)]:
        await settle()
        assert len(app.backend.find_errors) == 9 - tries
        assert app.lifecycle.recovery.pause_seconds(time.monotonic()) == pytest.approx(pause_seconds, abs=0.5)
        app.adoption.wake()


@steered(config())
async def test_once_the_backend_can_tell_replicas_are_started_at_once(app: Steered) -> None:
    app.backend.find_errors = ["no such image"] * 2
    running = app.tasks.create_task(app.adoption.run())
    await settle()
    assert not app.lifecycle.recovery.may_start(time.monotonic())
    app.adoption.wake()
    await running
    assert app.lifecycle.recovery.may_start(time.monotonic())


@steered(config())
async def test_what_failed_before_a_reload_says_nothing_about_what_comes_after_it(app: Steered) -> None:
    app.backend.may_find.clear()
    app.backend.find_errors = ["no such image"]
    running = app.tasks.create_task(app.adoption.run())
    await settle()
    other = Revision(2, app.config, FakeBackend(), app.prober, app.pool, app.tasks)
    app.lifecycle.begin(other)
    app.adoption.wake()
    waiter = app.wait()
    app.backend.may_find.set()
    await running
    assert waiter.error is None


@steered(config())
async def test_what_is_found_for_a_revision_that_is_over_is_replaced(app: Steered) -> None:
    app.backend.may_find.clear()
    app.backend.found = [left(1)]
    running = app.tasks.create_task(app.adoption.run())
    await settle()
    app.lifecycle.begin(Revision(2, app.config, FakeBackend(), app.prober, app.pool, app.tasks))
    app.backend.may_find.set()
    await running
    assert [replica.revision for replica in app.replicas] == [0]


@steered(config())
async def test_replicas_that_are_to_be_kept_are_not_signalled(app: Steered) -> None:
    app.lifecycle.keep = True
    _, handle = await app.start()
    await app.lifecycle.close()
    assert (handle.signals, app.states, app.backend.closed) == ([], [], ["replicas kept"])


@steered(config())
async def test_a_replica_that_drains_ends_also_when_others_are_kept(app: Steered) -> None:
    app.lifecycle.keep = True
    app.backend.stubborn = True
    replica, handle = await app.start()
    app.drain(replica)
    await until(lambda: handle.signals)
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(app.lifecycle.close())
        await settle()
        assert not closing.done()
        handle.exit("exited with code 0")
    assert handle.signals == ["SIGTERM"]


@steered(config(QUICK))
async def test_a_replica_that_cannot_answer_is_not_asked_and_gets_no_requests(app: Steered) -> None:
    replica, handle = await app.start()
    handle.obstacle = "its container is paused"
    await until(lambda: replica.state is State.UNREADY)
    assert replica.last_probe == "its container is paused"
    await until(lambda: handle.signals == ["SIGTERM"])
    assert app.metrics.exits == {"unhealthy": 1}


@steered(config())
async def test_a_replica_that_can_answer_again_serves_again(app: Steered) -> None:
    replica, handle = await app.start()
    handle.obstacle = "its container is paused"
    app.pool.apply(replica, Event.REFUSED, 0.0)
    handle.obstacle = ""
    app.lifecycle.hurry(replica)
    await until(lambda: replica.routable)
    assert handle.signals == []

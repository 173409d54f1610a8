"""Replicas that an earlier proxy has started, and those that are left to the next one."""

from __future__ import annotations

import asyncio

import pytest

import proxy.control.lifecycle
from proxy.backends.base import Found
from proxy.core.replica import Event, State
from tests.control.fakes import NO, QUICK, YES, FakeHandle, Steered, config, settle, steered, until


def left(number: int, current: bool = True) -> Found:
    return Found(f"demo-{number}", FakeHandle(41000 + number), current)


@steered(config())
async def test_what_runs_already_is_asked_before_it_gets_requests(app: Steered) -> None:
    app.prober.readiness = NO
    app.backend.found = [left(1)]
    await app.lifecycle.adopt()
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
    await app.lifecycle.adopt()
    await until(lambda: app.states == ["ready", "ready"])
    assert [replica.revision for replica in app.replicas] == [1, 0]


@steered(config())
async def test_what_is_of_another_configuration_and_out_of_reach_is_drained(app: Steered) -> None:
    handle = FakeHandle(0)
    app.backend.found = [Found("demo-1", handle, current=False)]
    await app.lifecycle.adopt()
    await until(lambda: app.states == [])
    assert handle.signals == ["SIGTERM"]


@steered(config("max_replicas = 2"))
async def test_what_runs_already_keeps_the_limit_that_it_was_told(app: Steered) -> None:
    parsed = config(replica_concurrency=8)
    app.lifecycle.configure(parsed)
    app.backend.found = [Found("demo-1", FakeHandle(41001), current=False, limit=4)]
    await app.lifecycle.adopt()
    assert [replica.limit for replica in app.replicas] == [4]


@steered(config())
async def test_an_adopted_replica_ends_as_any_other(app: Steered) -> None:
    app.backend.found = [found := left(1)]
    await app.lifecycle.adopt()
    await until(lambda: app.states == ["ready"])
    assert isinstance(found.handle, FakeHandle)
    found.handle.exit("exited with code 3")
    await until(lambda: app.states == [])
    assert app.metrics.exits == {"exited with code 3": 1}


@steered(config())
async def test_who_waits_is_told_why_nothing_can_be_started_until_the_backend_answers(app: Steered) -> None:
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(proxy.control.lifecycle, "_ADOPTION_RETRY_SECONDS", 0.0)
        app.backend.find_errors = ["the engine is away"]
        waiter = app.wait()
        await app.lifecycle.adopt()
    assert str(waiter.error) == "no replica of demo can be started: the engine is away"
    app.wait()


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

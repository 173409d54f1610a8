"""The composition root."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import proxy.wiring
from proxy.config import parse
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.capacity import Machine
from proxy.core.replica import Event
from proxy.errors import UserError
from proxy.net.deadlines import Deadlines
from proxy.wiring import App, Options, load_balancer

NAME = '[cerebrium.deployment]\nname = "demo"\n'
STATIC = NAME + "[cerebrium.scaling]\nmax_replicas = 9\n[tidegate.static]\nreplicas = "


def test_the_balancer_is_the_one_that_is_configured() -> None:
    config = parse(
        '[cerebrium.deployment]\nname = "demo"\n[cerebrium.scaling]\nreplica_concurrency = 1', Path("a.toml")
    )
    assert isinstance(load_balancer(config), FirstAvailable)


def test_a_balancer_that_cannot_be_loaded_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse(NAME, Path("a.toml"))
    broken = EntryPoint("round-robin", "no.such.module:Balancer", "tidegate.balancers")
    monkeypatch.setattr(proxy.wiring, "entry_points", lambda **_: EntryPoints([broken]))
    with pytest.raises(UserError, match=r"a\.toml: balancer round-robin \(no\.such\.module:Balancer\) cannot"):
        load_balancer(config)


def test_all_static_replicas_are_used_all_the_time() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            config = parse(STATIC + '["a:1", "b:2"]', Path("a.toml"))
            app = App(config, Options("static"), tasks, Deadlines(1.0), Machine())
            assert (app.config.scaling.min_replicas, app.config.scaling.max_replicas) == (2, 2)

    asyncio.run(scenario())


def test_idle_connections_to_a_replica_that_takes_no_traffic_are_dropped() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            app = App(
                parse(STATIC + '["127.0.0.1:1"]', Path("a.toml")), Options("static"), tasks, Deadlines(1.0), Machine()
            )
            dropped: list[str] = []
            app.connections.drop = lambda replica: dropped.append(replica.state.value)  # type: ignore[method-assign]  # a memory
            app.lifecycle.start_one(0.0)
            (replica,) = app.pool
            for event in (Event.PASSED, Event.REFUSED, Event.PASSED):
                app.pool.apply(replica, event, 0.0)
            assert dropped == ["unready"]
            await app.lifecycle.close()
        assert dropped == ["unready", "draining", "stopped"]

    asyncio.run(scenario())


def test_a_reload_wakes_what_waits_to_ask_the_backend_again() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            app = App(parse(STATIC + '["a:1"]', Path("a.toml")), Options("static"), tasks, Deadlines(1.0), Machine())
            woken: list[bool] = []
            app.adoption.wake = lambda: woken.append(True)
            app.rollout.switched()
            assert woken == [True]

    asyncio.run(scenario())

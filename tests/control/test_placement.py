"""Two apps on one machine: with replicas that are fakes."""

from __future__ import annotations

import time

import pytest

from proxy.control.scaler import Scaler
from proxy.core.capacity import Machine, Resources
from tests.control.fakes import Steered, config, settle, steered, until

WHEN_IDLE = '[tidegate.drain]\nsigterm = "when-idle"\n'
ONE_CORE = Resources(cpu=1)


def now() -> float:
    return time.monotonic()


@steered(config())
async def test_the_replica_that_makes_way_is_drained_and_its_room_used(app: Steered) -> None:
    machine = Machine(ONE_CORE)
    batch, chat = app.placement(machine), Steered(app.config, app.tasks)
    protected = chat.placement(machine, protected=True)
    batch.start(1, now())
    await until(lambda: app.states == ["ready"])
    protected.start(1, now())
    assert app.states == ["draining"]
    assert protected.reason.endswith("of demo makes way")
    assert app.woken == 1
    await until(lambda: not app.replicas)
    assert app.backend.handles[0].signals == ["SIGTERM"]
    protected.start(1, now())
    assert chat.states == ["starting"]
    assert protected.reason == ""


@steered(config("max_replicas = 2"))
async def test_a_decision_says_that_there_is_no_room(app: Steered) -> None:
    scaler = Scaler(app.config, app.pool, app.placement(Machine(ONE_CORE)), app.metrics)
    app.wait()
    app.wait()
    scaler.step(now())
    decision = scaler.records[-1].decision
    assert decision.desired == 2
    assert decision.clamp == "room"
    assert decision.reason.endswith("; no room: needs 1 cpu, 0 free of 1")
    assert app.states == ["starting"]


@steered(config(WHEN_IDLE))
async def test_a_replica_that_makes_way_is_not_taken_back(app: Steered) -> None:
    machine = Machine(ONE_CORE)
    batch, chat = app.placement(machine), Steered(app.config, app.tasks)
    await app.start()
    reservation = app.reserve()
    protected = chat.placement(machine, protected=True)
    protected.start(1, now())
    await settle()
    assert app.states == ["draining"]
    assert not batch.recall(now())
    app.pool.release(reservation, now())
    await until(lambda: not app.replicas)


@steered(config())
async def test_a_pause_after_failures_leaves_the_line(app: Steered) -> None:
    """Room that cannot be used yet is no reason for others to wait."""
    machine = Machine(ONE_CORE)
    other = Steered(app.config, app.tasks)
    beside = other.placement(machine)
    failing = app.placement(machine)
    app.backend.error = "no such program"
    failing.start(1, now())
    await until(lambda: app.metrics.exits["not started"] == 1)
    failing.start(1, now())
    await until(lambda: app.metrics.exits["not started"] == 2)
    failing.start(1, now())
    beside.start(1, now())
    assert (app.states, other.states) == ([], ["starting"])


@steered(config())
async def test_a_lack_of_room_is_logged_once(app: Steered) -> None:
    caplog = pytest.MonkeyPatch()
    warnings: list[object] = []
    with caplog.context() as patch:
        patch.setattr("proxy.control.placement.log.warning", lambda *words: warnings.append(words))
        placement = app.placement(Machine(Resources()))
        placement.start(1, now())
        placement.start(1, now())
        placement.start(0, now())
    assert warnings == [("%s: %s", "demo", "no room: needs 1 cpu, 0 free of 0")]


@steered(config(WHEN_IDLE))
async def test_a_replica_drained_by_hand_is_not_taken_back(app: Steered) -> None:
    placement = app.placement(Machine())
    replica, _ = await app.start()
    reservation = app.reserve()
    placement.send_away(replica, now())
    await settle()
    assert app.states == ["draining"]
    assert not placement.recall(now())
    assert app.woken == 1
    app.pool.release(reservation, now())
    await until(lambda: not app.replicas)


@steered(config(WHEN_IDLE))
async def test_one_that_drains_already_may_be_kept_from_being_taken_back(app: Steered) -> None:
    placement = app.placement(Machine())
    replica, _ = await app.start()
    app.reserve()
    app.drain(replica)
    placement.send_away(replica, now())
    await settle()
    assert not placement.recall(now())


@steered(config())
async def test_a_restart_puts_another_in_its_place_at_once(app: Steered) -> None:
    placement = app.placement(Machine())
    replica, handle = await app.start()
    placement.restart(replica, now())
    assert app.states == ["draining", "starting"]
    await until(lambda: app.states == ["ready"])
    assert handle.signals == ["SIGTERM"]
    assert app.replicas[0] is not replica


@steered(config())
async def test_a_restart_on_a_full_machine_waits_for_the_room_of_the_old_one(app: Steered) -> None:
    placement = app.placement(Machine(ONE_CORE))
    replica, _ = await app.start()
    placement.restart(replica, now())
    assert app.states == ["draining"]
    await until(lambda: not app.replicas)

"""Observe, decide, apply: with replicas that are fakes."""

from __future__ import annotations

import time

from proxy.control.scaler import Scaler
from proxy.core.capacity import Machine
from tests.control.fakes import NO, Steered, config, settle, steered, until

WHEN_IDLE = '[tidegate.drain]\nsigterm = "when-idle"\n'


def scaler_of(app: Steered) -> Scaler:
    scaler = Scaler(app.config.scaling, app.pool, app.placement(Machine()), app.metrics)
    app.pool.on_wait = app.lifecycle.changed = scaler.wake
    return scaler


@steered(config("max_replicas = 5"))
async def test_three_requests_at_once_start_three_replicas(app: Steered) -> None:
    scaler = scaler_of(app)
    waiters = [app.wait() for _ in range(3)]
    scaler.step(time.monotonic())
    await until(lambda: all(waiter.reservation for waiter in waiters))
    assert len(app.backend.handles) == 3
    assert app.metrics.desired == 3
    assert "0 in flight + 3 queued" in scaler.records[-1].decision.reason


@steered(config("max_replicas = 5"))
async def test_a_request_that_waits_wakes_the_loop(app: Steered) -> None:
    scaler = scaler_of(app)
    app.tasks.create_task(scaler.run())
    await settle()
    decided = len(scaler.records)
    waiter = app.wait()
    await until(lambda: waiter.reservation)
    assert len(scaler.records) > decided


@steered(config("cooldown = 0\nmin_replicas = 1"))
async def test_more_than_are_wanted_are_drained(app: Steered) -> None:
    await app.start()
    await app.start()
    scaler_of(app).step(time.monotonic() + 1)
    assert sorted(app.states) == ["draining", "ready"]


@steered(config("min_replicas = 1"))
async def test_nothing_is_started_in_the_pause_after_failures(app: Steered) -> None:
    app.backend.error = "no such program"
    scaler = scaler_of(app)
    app.tasks.create_task(scaler.run())
    await until(lambda: app.metrics.exits["not started"] == 2)
    for _ in range(5):
        scaler.step(time.monotonic())
    assert app.replicas == []
    scaler.step(time.monotonic() + 2)
    assert app.states == ["starting"]


@steered(config("min_replicas = 2\nmax_replicas = 2\n" + WHEN_IDLE))
async def test_a_draining_replica_is_taken_back_before_another_is_started(app: Steered) -> None:
    replica, _ = await app.start()
    app.reserve()
    app.drain(replica)
    await settle()
    scaler_of(app).step(time.monotonic())
    assert "draining" not in app.states
    assert len(app.replicas) == 2


@steered(config("min_replicas = 1"))
async def test_a_crashed_replica_is_replaced(app: Steered) -> None:
    app.tasks.create_task(scaler_of(app).run())
    await until(lambda: app.states == ["ready"])
    app.prober.readiness = NO
    app.backend.handles[0].exit("exited with code 1")
    await until(lambda: app.states == ["starting"])
    assert len(app.backend.handles) <= 2

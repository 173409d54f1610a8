"""Observe, decide, apply: with replicas that are fakes."""

from __future__ import annotations

import logging
import time

from proxy.control.scaler import Scaler
from proxy.core.autoscaler.limits import NO_OVERRIDE, Override
from proxy.core.capacity import Machine
from proxy.core.replica import Event
from proxy.metrics import Usage
from tests.control.fakes import NO, Steered, config, settle, steered, until

WHEN_IDLE = '[tidegate.drain]\nsigterm = "when-idle"\n'


def scaler_of(app: Steered) -> Scaler:
    scaler = Scaler(app.config, app.pool, app.placement(Machine()), app.metrics)
    app.pool.on_wait = app.lifecycle.changed = scaler.wake
    return scaler


class Lines(logging.Handler):
    """Remembers what the scaler logs."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: list[logging.LogRecord] = []
        self._log = logging.getLogger("tidegate.scaler")
        self._level_before = self._log.level
        self._log.setLevel(logging.INFO)
        self._log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record)

    def stop(self) -> list[logging.LogRecord]:
        self._log.removeHandler(self)
        self._log.setLevel(self._level_before)
        return self._heard


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


@steered(config("max_replicas = 5"))
async def test_an_operator_s_limits_hold_until_they_are_cleared(app: Steered) -> None:
    scaler = scaler_of(app)
    for override, count in [(Override(2), 2), (NO_OVERRIDE, 0)]:
        scaler.scale(override)
        scaler.step(time.monotonic() + 20)
        assert sum(replica.wanted for replica in app.replicas) == count


@steered(config('min_replicas = 1\nmax_replicas = 5\nscaling_metric = "cpu_utilization"\nscaling_target = 80'))
async def test_what_ready_replicas_use_is_seen(app: Steered) -> None:
    for cpu_ratio in (0.9, 0.9):
        replica, _ = await app.start()
        app.metrics.usage[replica.id] = Usage(cpu_ratio, 2 << 30)
    await app.start()  # not measured yet
    unready, _ = await app.start()
    app.metrics.usage[unready.id] = Usage(0.1, 1 << 30)
    app.pool.apply(unready, Event.REFUSED, time.monotonic())
    scaler = scaler_of(app)
    app.reserve()
    scaler.step(time.monotonic() + 1)
    seen, decision = scaler.records[-1].seen, scaler.records[-1].decision
    assert (seen.cpu_ratio, seen.memory_ratio) == (0.9, 0.5)
    assert decision.desired == 4  # 3 × 90 % ÷ 80 %
    assert decision.reason == "cpu wants 4: ready replicas use 270 % of one's cpu over 30 s ÷ 80 % per replica"


@steered(config("max_replicas = 5"))
async def test_each_change_is_one_log_line_with_its_inputs(app: Steered) -> None:
    scaler, lines = scaler_of(app), Lines()
    app.wait()
    for _ in range(3):
        scaler.step(time.monotonic())
    (line,) = lines.stop()
    assert line.getMessage().startswith("demo: replicas wanted: 1 (")
    assert vars(line)["decision"]["inputs"]["queued"] == 1
    assert app.metrics.decisions == {"none": 3}

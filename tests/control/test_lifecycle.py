"""The lives of replicas, with a backend and a prober that do as told."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxy.control import termination
from proxy.core.replica import State
from tests.control.fakes import NO, QUICK, SILENCE, YES, Steered, config, impatient, settle, steered, until

WHEN_IDLE = '[tidegate.drain]\nsigterm = "when-idle"\n'
HEALTH = '[cerebrium.runtime.custom]\nhealthcheck_endpoint = "/health"\n'


def later(seconds: float = 120) -> float:
    """After every pause."""
    return time.monotonic() + seconds


@steered(config())
async def test_a_started_replica_is_asked_until_it_is_ready(app: Steered) -> None:
    app.prober.readiness = NO
    replica, handle = await app.start("starting")
    await until(lambda: len(app.prober.asked) > 2)
    assert (replica.last_probe, replica.port) == (NO.text, handle.port)
    app.prober.readiness = YES
    await until(lambda: replica.routable)
    assert app.metrics.cold_starts == 1


@steered(config())
async def test_the_phases_of_a_cold_start_are_measured(app: Steered) -> None:
    app.prober.readiness = SILENCE
    replica, handle = await app.start("starting")
    await until(lambda: len(app.prober.asked) > 1)
    app.prober.readiness = NO
    await until(lambda: len(app.prober.asked) > 3)
    app.prober.readiness = YES
    await until(lambda: replica.routable)
    cold_start = app.metrics.cold_start.estimate
    assert cold_start is not None
    assert cold_start.phases["create"] == handle.create_seconds
    assert cold_start.phases["start"] == 0  # creating claims to have taken longer
    assert min(cold_start.phases["load"], cold_start.phases["ready"]) > 0


@steered(config(QUICK))
async def test_a_late_yes_does_not_revive_a_draining_replica(app: Steered) -> None:
    app.backend.stubborn = True
    replica, _ = await app.start()
    app.drain(replica)
    asked = len(app.prober.asked)
    await until(lambda: len(app.prober.asked) > asked + 2)
    assert replica.state is State.DRAINING


@steered(config())
async def test_the_end_of_a_replica_is_told_and_counted_by_its_reason(app: Steered) -> None:
    changes: list[list[str]] = []
    (_, crashing), (drained, _) = await app.start(), await app.start()
    app.lifecycle.changed = lambda: changes.append(app.states)
    crashing.exit("exited with code 3")
    await until(lambda: changes == [["ready"]])
    app.drain(drained)
    await until(lambda: changes == [["ready"], []])
    assert app.metrics.exits == {"exited with code 3": 1, "drained": 1}
    (failure,) = app.metrics.failures  # a drained one has not failed
    assert (failure.reason, failure.was_ready, failure.last_probe) == ("exited with code 3", True, YES.text)


# Starts that fail


@steered(config())
async def test_who_waits_is_refused_with_the_reason_when_starting_fails_twice(app: Steered) -> None:
    waiter = app.wait()
    app.prober.readiness = NO
    for count in (1, 2):
        _, handle = await app.start("starting")
        handle.said = tuple(f"line {number}" for number in range(20))
        handle.exit("exited with code 3")
        await until(lambda: not app.replicas)
        assert (waiter.error is None) == (count == 1)
    first, *last_lines = str(waiter.error).splitlines()
    assert first == "no replica of demo can be started: exited with code 3"
    assert last_lines == [f"line {number}" for number in range(10, 20)]


async def fail_twice(app: Steered) -> None:
    app.backend.error = "no such program"
    for _ in range(2):
        app.lifecycle.start_one(time.monotonic())
        await until(lambda: not app.replicas)


@steered(config())
async def test_nobody_may_wait_until_the_pause_is_over(app: Steered) -> None:
    await fail_twice(app)
    with pytest.raises(Exception, match="no replica of demo can be started: no such program") as refusal:
        app.wait()
    assert getattr(refusal.value, "retry_after_seconds", None) == 1
    assert not app.lifecycle.recovery.may_start(time.monotonic())
    assert app.lifecycle.recovery.may_start(later())
    app.wait()
    assert app.metrics.exits == {"not started": 2}


@steered(config())
async def test_a_mended_app_is_waited_for_again_as_soon_as_a_replica_is_ready(app: Steered) -> None:
    await fail_twice(app)
    app.backend.error = ""
    await app.start()
    app.reserve()
    app.wait()


@steered(config())
async def test_a_crash_of_a_replica_that_was_ready_refuses_nobody(app: Steered) -> None:
    waiters = [app.wait() for _ in range(4)]
    for _ in range(3):
        _, handle = await app.start()
        handle.exit("exited with code 1")
        await until(lambda: not app.replicas)
    assert [waiter.error for waiter in waiters] == [None] * 4
    assert not app.lifecycle.recovery.may_start(time.monotonic())


@steered(config())
async def test_starts_that_fail_beside_a_ready_replica_refuse_nobody(app: Steered) -> None:
    await app.start()
    app.reserve()
    waiter = app.wait()
    app.backend.error = "no such program"
    for _ in range(2):
        app.lifecycle.start_one(time.monotonic())
        await until(lambda: len(app.replicas) == 1)
    assert waiter.error is None


@steered(config())
async def test_a_mistake_of_ours_in_one_life_costs_only_that_replica(app: Steered) -> None:
    _, other = await app.start()
    app.prober.readiness = None  # type: ignore[assignment]  # what no prober answers
    app.lifecycle.start_one(time.monotonic())
    await until(lambda: len(app.replicas) == 1)
    assert app.backend.handles[1].signals == ["SIGKILL"]
    assert (other.signals, app.metrics.exits) == ([], {"internal error": 1})


# Replicas that are given up


@steered(impatient(config()))
async def test_a_replica_that_is_not_ready_in_time_is_replaced(app: Steered) -> None:
    app.prober.readiness = NO
    _, handle = await app.start("failed")
    await until(lambda: not app.replicas)
    assert handle.signals == ["SIGTERM"]
    assert app.metrics.exits == {"not ready in time": 1}


@steered(impatient(config()))
async def test_a_failed_start_counts_when_it_is_given_up_however_long_it_takes_to_end(app: Steered) -> None:
    app.backend.stubborn = True
    app.prober.readiness = NO
    waiter = app.wait()
    await app.start("failed")
    await app.start("failed")
    assert "not ready within 0 s: /ready answered 503: loading" in str(waiter.error)
    for handle in app.backend.handles:
        handle.exit("killed by SIGKILL")
    await until(lambda: not app.replicas)
    assert app.metrics.exits == {"not ready in time": 2}


@steered(impatient(config(HEALTH + QUICK)))
async def test_replicas_that_somebody_else_runs_are_never_given_up(app: Steered) -> None:
    app.backend.restarts = False
    app.prober.readiness = app.prober.health = NO
    replica, _ = await app.start("starting")
    await until(lambda: len(app.prober.asked) > 5)
    app.prober.readiness = YES
    await until(lambda: replica.routable)
    await until(lambda: len(app.prober.asked) > 10)
    assert app.states == ["ready"]


@steered(config(HEALTH + QUICK))
async def test_a_replica_whose_health_keeps_failing_is_replaced(app: Steered) -> None:
    app.prober.health = NO
    replica, handle = await app.start()
    await until(lambda: not app.replicas)
    assert replica.state is State.FAILED
    assert (handle.signals, app.metrics.exits) == (["SIGTERM"], {"unhealthy": 1})
    assert app.prober.asked.count("healthy") == 3


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(termination, "HUNG_SECONDS", 0.0)


@pytest.mark.usefixtures("no_patience")
@steered(config(QUICK))
async def test_a_function_server_that_hangs_is_killed_soon(app: Steered) -> None:
    app.backend.outlives = False
    app.backend.stubborn = True
    replica, handle = await app.start()
    app.prober.readiness = app.prober.health = SILENCE
    await until(lambda: not app.replicas)
    assert (handle.signals, replica.killed) == (["SIGTERM", "SIGKILL"], True)


# Preparation


@steered(config())
async def test_a_replica_not_wanted_any_more_leaves_the_preparation_to_the_others(app: Steered) -> None:
    app.backend.may_prepare.clear()
    app.lifecycle.start_one(time.monotonic())
    app.lifecycle.start_one(time.monotonic())
    await settle()
    first, second = app.replicas
    app.drain(first)
    await until(lambda: app.replicas == [second])
    app.backend.may_prepare.set()
    await until(lambda: second.routable)
    assert app.backend.preparations == 1


@steered(config())
async def test_a_failed_preparation_is_tried_again_by_the_next_start(app: Steered) -> None:
    app.backend.error = "pip failed"
    await app.lifecycle.prepare()
    app.backend.error = ""
    await app.start()
    await app.start()
    assert app.backend.preparations == 2


@steered(config())
async def test_a_preparation_that_nobody_waits_for_is_called_off_at_the_end(app: Steered) -> None:
    app.backend.may_prepare.clear()
    preparing = app.tasks.create_task(app.lifecycle.prepare())
    await settle()
    await app.lifecycle.close()
    assert (app.backend.preparations, app.backend.closed) == (1, ["all gone"])
    await until(preparing.cancelled)


# The way out


@steered(config())
async def test_a_replica_drained_before_its_first_step_is_gone(app: Steered) -> None:
    app.lifecycle.start_one(time.monotonic())
    await app.lifecycle.close()
    assert (app.replicas, app.backend.handles, app.metrics.exits) == ([], [], {"drained": 1})


@steered(config())
async def test_a_replica_drained_while_it_starts_is_gone(app: Steered) -> None:
    app.backend.may_start.clear()
    app.lifecycle.start_one(time.monotonic())
    await settle()
    await app.lifecycle.close()
    assert (app.replicas, app.backend.handles) == ([], [])


@steered(config())
async def test_closing_sends_each_replica_one_sigterm_and_waits_for_the_last(app: Steered) -> None:
    app.backend.stubborn = True
    await app.start()
    draining, _ = await app.start()
    app.drain(draining)
    await settle()
    closing = app.tasks.create_task(app.lifecycle.close())
    await settle()
    assert [handle.signals for handle in app.backend.handles] == [["SIGTERM"], ["SIGTERM"]]
    app.backend.handles[0].exit("exited with code 0")
    await settle()
    assert not closing.done()
    assert not app.backend.closed
    app.backend.handles[1].exit("exited with code 0")
    await closing
    assert app.backend.closed == ["all gone"]


def test_replicas_are_killed_when_everything_is_stopped_at_once() -> None:
    seen: list[Steered] = []

    @steered(config())
    async def scenario(app: Steered) -> None:
        await app.start()
        app.backend.may_start.clear()
        app.lifecycle.start_one(time.monotonic())
        await settle()
        seen.append(app)

    scenario()
    assert [handle.signals for handle in seen[0].backend.handles] == [["SIGKILL"]]
    assert seen[0].metrics.exits == {}


# Taking back


@steered(config(WHEN_IDLE))
async def test_a_draining_replica_that_was_not_signalled_yet_is_taken_back(app: Steered) -> None:
    replica, handle = await app.start()
    reservation = app.reserve()
    app.drain(replica)
    await settle()
    assert app.lifecycle.recall(time.monotonic())
    assert not app.lifecycle.recall(time.monotonic())
    app.pool.release(reservation, time.monotonic())
    app.lifecycle.hurry(replica)
    await until(lambda: replica.routable)
    assert handle.signals == []


@steered(config(WHEN_IDLE))
async def test_a_replica_taken_back_can_be_drained_again(app: Steered) -> None:
    replica, handle = await app.start()
    reservation = app.reserve()
    app.drain(replica)
    app.lifecycle.recall(time.monotonic())
    app.drain(replica)
    await settle()
    assert handle.signals == []
    app.pool.release(reservation, time.monotonic())
    await until(lambda: not app.replicas)
    assert handle.signals == ["SIGTERM"]


@steered(config())
async def test_a_replica_that_has_its_last_moment_before_its_signal_is_taken_back(app: Steered) -> None:
    replica, handle = await app.start()
    reservation = app.reserve()
    app.drain(replica)
    assert app.lifecycle.recall(time.monotonic())
    app.pool.release(reservation, time.monotonic())
    app.lifecycle.hurry(replica)
    await until(lambda: replica.routable)
    assert handle.signals == []


@steered(config())
async def test_a_replica_that_was_signalled_is_never_taken_back(app: Steered) -> None:
    app.backend.stubborn = True
    replica, handle = await app.start()
    app.drain(replica)
    await until(lambda: handle.signals == ["SIGTERM"])
    assert not app.lifecycle.recall(time.monotonic())
    handle.exit("exited with code 0")
    await until(lambda: not app.replicas)


@steered(config(WHEN_IDLE))
async def test_a_replica_that_was_never_ready_is_never_taken_back(app: Steered) -> None:
    app.prober.readiness = NO
    replica, _ = await app.start("starting")
    app.drain(replica)
    assert not app.lifecycle.recall(time.monotonic())
    await until(lambda: not app.replicas)


@steered(config("[tidegate.probes]\ninterval_seconds = 3600"))
async def test_a_replica_that_refused_live_traffic_is_asked_at_once(app: Steered) -> None:
    replica, _ = await app.start()
    asked = len(app.prober.asked)
    await asyncio.sleep(0)
    app.lifecycle.hurry(replica)
    await until(lambda: len(app.prober.asked) == asked + 1)

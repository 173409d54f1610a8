"""From one revision to the next, with a backend and a prober that do as told."""

from __future__ import annotations

import time

from proxy.control.revision import Revision
from proxy.control.rollout import Rollout
from proxy.control.scaler import Scaler
from proxy.core.capacity import Machine, Resources
from tests.control.fakes import NO, FakeBackend, FakeProber, Steered, config, settle, steered, until

TWO = "min_replicas = 2\nmax_replicas = 2"


class Rolled:
    """An app whose scaler runs, and whose next revision is another backend's."""

    def __init__(self, app: Steered, machine: Machine | None = None) -> None:
        self.app = app
        self.told: list[tuple[str, bool]] = []
        placement = app.placement(machine or Machine())
        self.rollout = Rollout("demo", app.lifecycle, app.pool, placement, app.tasks)
        self.rollout.told = lambda text, over: self.told.append((text, over))
        self.scaler = Scaler(app.config, app.pool, placement, app.metrics)
        self.scaler.rollout = self.rollout
        app.pool.on_wait = app.lifecycle.changed = self.scaler.wake
        app.tasks.create_task(self.scaler.run())
        app.tasks.create_task(app.lifecycle.prepare())

    def next(self, made_from: str = "two") -> tuple[Revision, FakeBackend, FakeProber]:
        """A candidate, not yet proposed."""
        backend, prober = FakeBackend(), FakeProber(self.app.config)
        backend.made_from = made_from
        number = self.rollout.next_number
        revision = Revision(number, self.app.config, backend, prober, self.app.pool, self.app.tasks)
        return revision, backend, prober

    @property
    def revisions(self) -> list[int]:
        return sorted(replica.revision for replica in self.app.pool if replica.wanted)

    @property
    def ready(self) -> int:
        return sum(replica.routable for replica in self.app.pool)

    async def serving(self, *revisions: int) -> None:
        await until(lambda: self.revisions == list(revisions) and self.ready == len(revisions))


@steered(config(TWO))
async def test_every_old_replica_is_replaced_and_two_always_serve(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    least: list[int] = []
    app.pool.on_change = lambda _replica, _before: least.append(rolled.ready)
    revision, backend, _ = rolled.next()
    rolled.rollout.propose(revision)
    await rolled.serving(2, 2)
    assert min(least) >= 2
    assert len(backend.handles) == 2
    await until(lambda: rolled.rollout.state == "in service")
    await until(lambda: [handle.signals for handle in app.backend.handles] == [["SIGTERM"], ["SIGTERM"]])
    assert rolled.told == []


@steered(config(TWO))
async def test_old_replicas_stay_until_new_ones_are_ready(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, _, prober = rolled.next()
    prober.readiness = NO
    rolled.rollout.propose(revision)
    await until(lambda: rolled.revisions == [1, 1, 2])
    await settle()
    assert (rolled.revisions, rolled.ready) == ([1, 1, 2], 2)
    assert rolled.rollout.view()["state"] == "rolling over"
    prober.readiness = app.prober.readiness
    await rolled.serving(2, 2)


@steered(config(TWO))
async def test_a_revision_made_from_the_same_replaces_nothing(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, backend, prober = rolled.next("one")
    await rolled.rollout.propose(revision)
    await settle()
    assert rolled.revisions == [1, 1]
    assert (app.lifecycle.backend, app.lifecycle.revision.prober) == (backend, prober)
    assert rolled.rollout.next_number == 2


@steered(config(TWO))
async def test_replicas_are_replaced_anyway_on_request(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    rolled.rollout.propose(rolled.next("one")[0], anyway=True)
    await rolled.serving(2, 2)


@steered(config(TWO))
async def test_a_revision_that_cannot_be_prepared_starts_nothing(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, backend, _ = rolled.next()
    backend.error = "step 3 of the build failed"
    await rolled.rollout.propose(revision)
    assert rolled.revisions == [1, 1]
    assert rolled.rollout.state == "rolled back"
    assert rolled.told == [("revision 2 was rolled back, revision 1 stays: step 3 of the build failed", False)]


@steered(config(TWO))
async def test_while_it_is_prepared_what_is_missing_is_started_as_before(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, backend, _ = rolled.next()
    backend.may_prepare.clear()
    rolled.rollout.propose(revision)
    app.backend.handles[0].exit("exited with code 3")
    await rolled.serving(1, 1)
    assert rolled.rollout.state == "preparing"
    backend.may_prepare.set()
    await rolled.serving(2, 2)


@steered(config(TWO))
async def test_a_revision_that_keeps_failing_is_rolled_back(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, backend, prober = rolled.next()
    prober.readiness = NO
    rolled.rollout.propose(revision)
    for count in (1, 2):
        await until(lambda count=count: len(backend.handles) == count)  # type: ignore[misc]  # bound now
        await settle()
        backend.handles[-1].exit("exited with code 1")
    await until(lambda: rolled.rollout.state == "rolled back")
    assert rolled.revisions == [1, 1]
    assert [handle.signals for handle in app.backend.handles] == [[], []]
    assert rolled.told == [("revision 2 was rolled back, revision 1 stays: exited with code 1", False)]


@steered(config(TWO))
async def test_the_next_revision_after_a_rollback_is_tried_and_its_success_told(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    revision, backend, _ = rolled.next()
    backend.error = "no such image"
    await rolled.rollout.propose(revision)
    rolled.rollout.propose(rolled.next("three")[0])
    await rolled.serving(2, 2)
    await until(lambda: len(rolled.told) == 2)
    assert rolled.told[1] == ("revision 2 is in service", True)


@steered(config("max_replicas = 2"))
async def test_an_app_at_zero_goes_back_before_anybody_is_refused(app: Steered) -> None:
    rolled = Rolled(app)
    waiter = app.wait()
    await until(lambda: waiter.reservation)
    assert waiter.reservation
    app.pool.release(waiter.reservation, time.monotonic())
    app.drain(app.replicas[0])
    await until(lambda: not app.replicas)
    revision, backend, _ = rolled.next()
    await rolled.rollout.propose(revision)
    backend.error = "no such program"
    waiter = app.wait()
    await until(lambda: waiter.reservation or waiter.error)
    assert waiter.error is None
    assert rolled.rollout.state == "rolled back"


@steered(config(TWO))
async def test_a_newer_revision_takes_over_in_the_middle(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    stuck, _, prober = rolled.next()
    prober.readiness = NO
    rolled.rollout.propose(stuck)
    await until(lambda: 2 in rolled.revisions)
    rolled.rollout.propose(rolled.next("three")[0])
    await rolled.serving(3, 3)


@steered(config(TWO))
async def test_the_old_settings_again_in_the_middle_are_the_old_revision(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    stuck, _, prober = rolled.next()
    prober.readiness = NO
    rolled.rollout.propose(stuck)
    await until(lambda: 2 in rolled.revisions)
    rolled.rollout.propose(rolled.next("one")[0])
    await rolled.serving(1, 1)
    assert [handle.signals for handle in app.backend.handles] == [[], []]


@steered(config(TWO))
async def test_without_room_for_one_more_they_are_replaced_one_by_one(app: Steered) -> None:
    machine = Machine(Resources(cpu=2))
    rolled = Rolled(app, machine)
    await rolled.serving(1, 1)
    least: list[int] = []
    app.pool.on_change = lambda _replica, _before: least.append(rolled.ready)
    app.lifecycle.changed = rolled.scaler.wake
    rolled.rollout.propose(rolled.next()[0])
    await rolled.serving(2, 2)
    assert min(least) == 1


@steered(config(TWO))
async def test_a_long_roll_out_replaces_one_at_first(app: Steered) -> None:
    rolled = Rolled(app)
    rolled.rollout.seconds = 3600
    await rolled.serving(1, 1)
    rolled.rollout.propose(rolled.next()[0])
    await rolled.serving(1, 2)
    await settle()
    assert rolled.revisions == [1, 2]


@steered(config(TWO))
async def test_a_crash_of_what_is_replaced_does_not_pause_the_new_ones(app: Steered) -> None:
    rolled = Rolled(app)
    await rolled.serving(1, 1)
    rolled.rollout.seconds = 3600
    rolled.rollout.propose(rolled.next()[0])
    await rolled.serving(1, 2)
    await until(lambda: any(handle.signals for handle in app.backend.handles))
    next(handle for handle in app.backend.handles if not handle.signals).exit("exited with code 3")
    await rolled.serving(2, 2)
    assert app.lifecycle.recovery.may_start(time.monotonic())

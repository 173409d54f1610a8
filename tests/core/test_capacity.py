"""Who gets the room of a machine that has not enough of it."""

from __future__ import annotations

import pytest

from proxy.core.capacity import Machine, Resources, Room, Tenant
from proxy.core.replica import Event, Replica
from tests.core.fakes import pool_of, reserved


class House:
    """A machine whose tenants remember who was woken; every start and every end is done as it is told."""

    def __init__(self, **limit: float) -> None:
        self.machine = Machine(Resources(**{"cpu": 1000, "memory_gb": 1000, "gpus": 1000} | limit))
        self.woken: list[str] = []

    def app(self, name: str, replicas: int = 0, *, protected: bool = False, **need: float) -> Tenant:
        """An app with so many ready replicas, started at 0, 1, 2 …; each takes a core if nothing else is said."""

        def drain(replica: Replica, now: float) -> None:
            tenant.pool.apply(replica, Event.DRAIN, now)

        needs = Resources(**need or {"cpu": 1.0})
        tenant = Tenant(name, needs, protected, pool_of(), drain, lambda: self.woken.append(name))
        for order in range(replicas):
            self.start(tenant, at=order)
        self.machine.join(tenant)
        return tenant

    def start(self, tenant: Tenant, *, at: float, ready: bool = True) -> Replica:
        replica = Replica(len(tenant.pool), f"{tenant.name}-{at:g}", 1, at)
        tenant.pool.add(replica)
        if ready:
            tenant.pool.apply(replica, Event.PASSED, at)
        return replica

    def evict(self, room: Room) -> list[str]:
        """Drain them; they stay until `end`."""
        for tenant, replica in room.evicted:
            tenant.drain(replica, 100)
        return [replica.id for _, replica in room.evicted]

    def end(self, tenant: Tenant) -> None:
        """All that drains is gone."""
        for replica in [replica for replica in tenant.pool if not replica.wanted]:
            tenant.pool.remove(replica)


def test_a_start_that_fits_is_allowed() -> None:
    house = House(cpu=4)
    app = house.app("app", 2, cpu=1)
    assert house.machine.ask(app, 2) == Room(2)


def test_without_a_limit_everything_fits() -> None:
    app = House().app("app", cpu=8, gpus=8)
    machine = Machine()
    machine.join(app)
    assert machine.ask(app, 2000) == Room(2000)


def test_a_replica_that_does_not_fit_waits_and_says_what_it_lacks() -> None:
    house = House(cpu=4, gpus=1)
    house.app("other", 1, cpu=3, gpus=1)
    app = house.app("app", cpu=2, gpus=1)
    assert house.machine.ask(app, 1) == Room(0, (), "no room: needs 2 cpu, 1 free of 4 and 1 GPU, 0 free of 1")


def test_what_drains_takes_room_until_it_is_gone() -> None:
    house = House(cpu=1)
    old, new = house.app("old", 1), house.app("new")
    (replica,) = old.pool
    old.drain(replica, 10)
    assert house.machine.ask(new, 1).starts == 0
    house.end(old)
    assert house.machine.ask(new, 1).starts == 1


def test_shares_of_a_core_add_up() -> None:
    house = House(cpu=1)
    app = house.app("app", 9, cpu=0.1)
    assert house.machine.ask(app, 2).starts == 1


@pytest.mark.parametrize("need", [Resources(cpu=4), Resources(memory_gb=4), Resources(gpus=4)])
def test_each_resource_limits(need: Resources) -> None:
    assert Resources(7, 7, 7).fits(need, 5) == 1


# Making way


def test_the_longest_idle_replica_makes_way_first() -> None:
    house = House(cpu=3)
    batch = house.app("batch", 3)
    reserved(batch.pool)
    chat = house.app("chat", protected=True)
    room = house.machine.ask(chat, 1)
    assert room.starts == 0
    assert room.reason == "no room: needs 1 cpu, 0 free of 3; batch-1 of batch makes way"
    assert house.evict(room) == ["batch-1"]


def test_where_none_is_idle_the_youngest_makes_way() -> None:
    house = House(cpu=3)
    batch = house.app("batch", 2)
    reserved(batch.pool)
    reserved(batch.pool)
    house.start(batch, at=7, ready=False)
    chat = house.app("chat", protected=True)
    assert house.evict(house.machine.ask(chat, 2)) == ["batch-7", "batch-1"]


def test_a_replica_makes_way_once_however_often_is_asked() -> None:
    house = House(cpu=2)
    batch, chat = house.app("batch", 2), house.app("chat", protected=True)
    assert len(house.evict(house.machine.ask(chat, 1))) == 1
    assert house.machine.ask(chat, 1).evicted == ()
    house.end(batch)
    assert house.machine.ask(chat, 1) == Room(1)


def test_protected_replicas_and_the_own_ones_stay() -> None:
    house = House(cpu=2)
    house.app("other", 1, protected=True)
    chat = house.app("chat", 1, protected=True)
    assert house.machine.ask(chat, 1) == Room(0, (), "no room: needs 1 cpu, 0 free of 2")


def test_an_interruptible_app_interrupts_nobody() -> None:
    house = House(cpu=1)
    house.app("batch", 1)
    assert house.machine.ask(house.app("other"), 1).evicted == ()


def test_nobody_makes_way_where_it_would_not_suffice() -> None:
    house = House(cpu=4)
    house.app("fixed", 1, protected=True, cpu=3)
    house.app("batch", 1)
    assert house.machine.ask(house.app("chat", protected=True, cpu=2), 1).evicted == ()


def test_only_those_make_way_that_hold_what_is_lacking() -> None:
    house = House(cpu=8, gpus=1)
    house.app("idle", 1, cpu=1)
    house.app("painter", 1, cpu=1, gpus=1)
    chat = house.app("chat", protected=True, cpu=1, gpus=1)
    assert house.evict(house.machine.ask(chat, 1)) == ["painter-0"]


def test_no_more_make_way_than_needed() -> None:
    """The small one is idle for longer, but the large one's room is enough."""
    house = House(cpu=4)
    house.app("small", 1, cpu=1)
    large = house.app("large", cpu=3)
    house.start(large, at=5)
    chat = house.app("chat", protected=True, cpu=3)
    assert house.evict(house.machine.ask(chat, 1)) == ["large-5"]


# The line


def test_room_that_is_made_for_one_app_is_kept_for_it() -> None:
    house = House(cpu=2)
    batch, chat = house.app("batch", 2), house.app("chat", protected=True, cpu=2)
    house.evict(house.machine.ask(chat, 1))
    first = next(iter(batch.pool))
    batch.pool.remove(first)
    assert house.machine.ask(batch, 1).starts == 0
    house.end(batch)
    assert house.machine.ask(batch, 1).starts == 0
    assert house.machine.ask(chat, 1).starts == 1


def test_a_draining_replica_is_not_taken_back_while_a_protected_app_waits() -> None:
    house = House(cpu=1)
    batch, chat = house.app("batch", 1), house.app("chat", protected=True)
    assert house.machine.may_recall(batch)
    house.evict(house.machine.ask(chat, 1))
    assert not house.machine.may_recall(batch)
    assert house.machine.may_recall(chat)
    house.machine.ask(chat, 0)
    assert house.machine.may_recall(batch)


def test_among_equals_the_first_in_line_is_served_first() -> None:
    house = House(cpu=1)
    holder = house.app("holder", 1)
    late, early = house.app("late"), house.app("early")
    house.machine.ask(early, 1)
    house.machine.ask(late, 1)
    holder.drain(next(iter(holder.pool)), 10)
    house.end(holder)
    assert house.machine.ask(late, 1).starts == 0
    assert house.machine.ask(early, 1).starts == 1


def test_who_cannot_start_anyway_holds_nobody_up() -> None:
    house = House(cpu=4, gpus=1)
    house.app("painter", 1, protected=True, cpu=1, gpus=1)
    blocked = house.app("blocked", protected=True, cpu=3, gpus=1)
    house.machine.ask(blocked, 1)
    assert house.machine.ask(house.app("batch"), 3).starts == 3


def test_those_who_wait_are_woken_protected_ones_first() -> None:
    house = House(cpu=0)
    for name, protected in (("a", False), ("b", True), ("c", False)):
        house.machine.ask(house.app(name, protected=protected), 1)
    house.machine.wake_waiting()
    assert house.woken == ["b", "a", "c"]


# While replicas are replaced


def test_a_spare_one_gets_room_that_is_left_and_makes_nobody_go() -> None:
    house = House(cpu=3)
    house.app("batch", 1)
    chat = house.app("chat", 1, protected=True)
    assert house.machine.spare(chat, 5) == 1
    house.start(chat, at=9)
    assert house.machine.spare(chat, 5) == 0


def test_room_that_somebody_waits_for_is_not_spare() -> None:
    house = House(cpu=3)
    house.machine.ask(house.app("large", cpu=2), 2)
    assert house.machine.spare(house.app("small"), 1) == 1
    house.machine.ask(house.app("waiting", cpu=1), 9)
    assert house.machine.spare(house.app("other"), 1) == 0


def test_replicas_of_another_revision_hold_what_that_one_needs() -> None:
    house = House(cpu=10)
    app = house.app("app", 2, cpu=1)
    app.others[0], app.need = app.need, Resources(cpu=4)
    house.start(app, at=5).revision = 1
    assert house.machine.ask(app, 9) == Room(1, (), "no room: needs 4 cpu, 0 free of 10")
    app.drain(next(iter(app.pool)), 6)
    assert app.leaving == Resources(cpu=1)


def test_the_room_of_an_app_that_has_gone_is_free() -> None:
    house = House(cpu=1)
    old, new = house.app("old", 1), house.app("new")
    house.machine.ask(new, 1)
    house.machine.leave(old)
    assert house.woken == ["new"]
    assert house.machine.ask(new, 1) == Room(1)

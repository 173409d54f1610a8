"""Who starts and who drains while one revision takes over from another."""

from __future__ import annotations

import pytest

from proxy.core.replica import Event, Replica
from proxy.core.rollout import Step, plan, surge


class Fleet:
    """Replicas of revision 1, which are ready, and of revision 2, of which some are."""

    def __init__(self, old: int, new_ready: int = 0, new_starting: int = 0) -> None:
        self.replicas: list[Replica] = []
        for revision, count, ready in ((1, old, True), (2, new_ready, True), (2, new_starting, False)):
            for _ in range(count):
                self._add(revision, ready)

    def _add(self, revision: int, ready: bool) -> None:
        order = len(self.replicas)
        replica = Replica(order, f"demo-{order}", 1, float(order))
        replica.revision = revision
        if ready:
            replica.move(Event.PASSED, float(order))
        self.replicas.append(replica)

    def plan(self, desired: int, share: float = 1.0) -> Step:
        return plan(desired, self.replicas, 2, share)


@pytest.mark.parametrize(("desired", "above"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (100, 25)])
def test_a_quarter_more_than_wanted_may_run_but_always_one(desired: int, above: int) -> None:
    assert surge(desired) == above


def test_no_old_one_goes_before_a_new_one_is_ready() -> None:
    step = Fleet(old=3).plan(3)
    assert (step.start, step.spare, step.drain) == (0, 1, ())
    step = Fleet(old=3, new_starting=1).plan(3)
    assert (step.start, step.spare, step.drain) == (0, 0, ())


def test_a_ready_new_one_replaces_an_old_one() -> None:
    fleet = Fleet(old=3, new_ready=1)
    assert fleet.plan(3).drain == (fleet.replicas[0],)


def test_the_roll_out_ends_with_the_wanted_number_of_new_ones() -> None:
    fleet, looks = Fleet(old=4), 0
    while any(replica.wanted and replica.revision == 1 for replica in fleet.replicas):
        step = fleet.plan(4)
        for replica in step.drain:
            replica.move(Event.DRAIN, 0.0)
        for _ in range(step.start + step.spare):
            fleet._add(2, ready=True)
        serving = sum(replica.routable for replica in fleet.replicas)
        assert 4 <= serving <= 5
        looks += 1
    assert looks < 10
    assert [replica.revision for replica in fleet.replicas if replica.wanted] == [2] * 4


def test_a_slow_roll_out_replaces_its_share_and_one_more() -> None:
    assert Fleet(old=4).plan(4, share=0.0).spare == 1
    assert Fleet(old=3, new_ready=1).plan(4, share=0.24).spare == 0
    assert Fleet(old=3, new_ready=1).plan(4, share=0.25).spare == 1


def test_what_is_missing_for_the_demand_is_new_whatever_the_pace() -> None:
    step = Fleet(old=2).plan(5, share=0.0)
    assert (step.start, step.spare, step.drain) == (3, 0, ())


def test_an_old_one_that_serves_nobody_goes_first() -> None:
    fleet = Fleet(old=2, new_ready=1)
    fleet.replicas[1].move(Event.REFUSED, 0.0)
    assert fleet.plan(2).drain == (fleet.replicas[1],)


def test_fewer_wanted_take_the_old_ones() -> None:
    fleet = Fleet(old=3, new_starting=1)
    step = fleet.plan(2)
    assert (step.start, step.spare) == (0, 0)
    assert step.drain == (fleet.replicas[0],)


def test_scaled_to_zero_nothing_stays() -> None:
    fleet = Fleet(old=1, new_ready=1)
    step = fleet.plan(0)
    assert (step.start, step.spare) == (0, 0)
    assert set(step.drain) == set(fleet.replicas)


def test_without_room_one_makes_way_while_no_other_is_on_its_way() -> None:
    assert Fleet(old=2).plan(2).way is not None
    assert Fleet(old=2, new_starting=1).plan(2).way is None
    fleet = Fleet(old=2)
    fleet.replicas[0].move(Event.DRAIN, 0.0)
    assert fleet.plan(2).way is None


def test_what_is_missing_starts_before_another_makes_way() -> None:
    step = Fleet(old=1).plan(2)
    assert (step.start, step.spare, step.way) == (1, 1, None)

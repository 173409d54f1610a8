from __future__ import annotations

import pytest

from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, Reservation, SlotError, State
from proxy.errors import AnswerError, NoReplica, QueueFull
from tests.core.fakes import FakeRequest, pool_of, ready_replica, reserved, waiting


def test_a_replica_never_gets_more_than_its_limit() -> None:
    replica = ready_replica(limit=3)
    pool = pool_of(replica)
    assert [pool.reserve(0) is None for _ in range(5)] == [False, False, False, True, True]
    assert (replica.in_flight, pool.in_flight) == (3, 3)


def test_a_second_release_raises_and_changes_nothing() -> None:
    pool = pool_of(ready_replica(limit=2))
    reservation = reserved(pool)
    reserved(pool)
    pool.release(reservation, 1)
    with pytest.raises(SlotError, match="given back twice"):
        pool.release(reservation, 2)
    with pytest.raises(SlotError, match="given back twice"):
        pool.retry(FakeRequest(), reservation, 2)
    assert (pool.in_flight, pool.demand.present) == (1, 1)


def test_a_slot_given_back_goes_to_the_longest_waiting() -> None:
    pool = pool_of(ready_replica())
    reservation = reserved(pool)
    first, second = waiting(pool, 2)
    pool.release(reservation, 5)
    assert first.slot.since == 5
    assert list(pool.queue) == [second]


def test_a_newcomer_never_overtakes() -> None:
    """Also in the moment in which a slot is free and the first in line does not have it yet."""
    pool = pool_of(ready_replica(limit=2))

    class Announcing(FakeRequest):
        def granted(self, reservation: Reservation, now: float) -> None:
            super().granted(reservation, now)
            newcomers.append(pool.reserve(now))

    newcomers: list[Reservation | None] = []
    held = [reserved(pool), reserved(pool)]
    pool.wait(Announcing(), 0)
    (second,) = waiting(pool)
    pool.release(held[0], 1)
    assert newcomers == [None]
    pool.release(held[1], 1)
    assert second.reservation is not None


def test_who_leaves_is_taken_out_at_once() -> None:
    pool = pool_of(ready_replica())
    reservation = reserved(pool)
    gone, there = waiting(pool, 2)
    assert pool.leave(gone, 1)
    assert not pool.leave(gone, 1)
    assert pool.demand.present == 2
    pool.release(reservation, 2)
    assert gone.reservation is None
    assert there.reservation is not None


def test_a_full_queue_says_when_to_come_back() -> None:
    """Two slots, held for 30 s each: three requests are through after 45 s."""
    pool = pool_of(ready_replica(0), ready_replica(1), queue_limit=2)
    pool.release(reserved(pool, now=0), 30)
    reserved(pool), reserved(pool)
    waiting(pool, 2)
    with pytest.raises(QueueFull, match="the queue is full") as caught:
        pool.wait(FakeRequest(), 31)
    assert caught.value.retry_after_seconds == 45
    assert len(pool.queue) == 2


def test_come_back_after_a_second_where_nothing_was_measured() -> None:
    assert pool_of().retry_after_seconds() == 1
    assert pool_of(ready_replica()).retry_after_seconds() == 1


def test_the_pace_is_learned_from_slots_given_back() -> None:
    pool = pool_of(ready_replica())
    for _ in range(200):
        pool.release(reserved(pool, now=0), 2)
    assert pool.service_seconds == pytest.approx(2)
    for _ in range(200):
        pool.release(reserved(pool, now=0), 7)
    assert pool.service_seconds == pytest.approx(7, rel=0.01)


def test_a_replica_that_leaves_takes_its_slots_from_the_pace() -> None:
    replicas = [ready_replica(order) for order in range(4)]
    pool = pool_of(*replicas)
    pool.release(reserved(pool, now=0), 8)
    assert pool.retry_after_seconds() == 2
    for replica in replicas[:2]:
        pool.apply(replica, Event.EXIT, 9)
        pool.remove(replica)
    assert pool.retry_after_seconds() == 4


def test_whoever_finds_no_slot_wakes_the_autoscaler_also_when_refused() -> None:
    pool, woken = pool_of(queue_limit=1), []
    pool.on_wait = lambda: woken.append(len(pool.queue))
    waiting(pool)
    with pytest.raises(QueueFull):
        pool.wait(FakeRequest(), 0)
    assert woken == [1, 1]
    assert pool.demand.sample(1).refused == 1


def test_waiters_that_return_their_slot_at_once_pass_it_on_without_recursion() -> None:
    pool = pool_of(ready_replica(), queue_limit=10_000)

    class Gone(FakeRequest):
        def granted(self, reservation: Reservation, now: float) -> None:
            super().granted(reservation, now)
            pool.release(reservation, now)

    reservation = reserved(pool)
    gone = [Gone() for _ in range(10_000)]
    for request in gone:
        pool.wait(request, 0)
    pool.release(reservation, 1)
    assert all(request.slot.returned for request in gone)
    assert (len(pool.queue), pool.demand.present) == (0, 0)
    assert pool.reserve(2) is not None


def test_a_replica_that_becomes_ready_serves_as_many_as_it_can() -> None:
    pool = pool_of(replica := Replica(0, "a", 2, 0))
    first, second, third = waiting(pool, 3)
    assert pool.apply(replica, Event.PASSED, 1)
    assert first.slot.replica is second.slot.replica is replica
    assert third.reservation is None


# Refusals


def refusal() -> AnswerError:
    return NoReplica("no replica can be started")


def test_who_waits_is_refused_when_nobody_can_be_served() -> None:
    pool = pool_of()
    waiters = waiting(pool, 3)
    pool.refuse(refusal, 1)
    assert [str(waiter.error) for waiter in waiters] == ["no replica can be started"] * 3
    assert (len(pool.queue), pool.demand.present) == (0, 0)


def test_while_refusing_nobody_may_wait_but_free_slots_are_given() -> None:
    pool = pool_of(ready_replica())
    pool.refuse(refusal, 1)
    reservation = reserved(pool)
    with pytest.raises(NoReplica):
        pool.wait(FakeRequest(), 1)
    pool.apply(reservation.replica, Event.REFUSED, 2)
    with pytest.raises(NoReplica):
        pool.retry(FakeRequest(), reservation, 2)
    assert (pool.in_flight, pool.demand.present, reservation.replica.in_flight) == (0, 0, 0)


def test_after_the_refusal_is_lifted_requests_wait_again() -> None:
    pool = pool_of()
    pool.refuse(refusal, 1)
    pool.refuse(None, 2)
    (waiter,) = waiting(pool)
    assert list(pool.queue) == [waiter]


# Retries


def test_a_retry_gets_another_replica_at_once_if_one_is_free() -> None:
    pool = pool_of(bad := ready_replica(0), good := ready_replica(1))
    reservation = reserved(pool)
    pool.apply(bad, Event.REFUSED, 1)
    other = pool.retry(FakeRequest(), reservation, 1)
    assert other is not None
    assert other.replica is good
    assert (bad.in_flight, pool.in_flight) == (0, 1)


def test_a_retry_without_a_free_slot_is_first_in_line_even_if_the_line_is_full() -> None:
    pool = pool_of(bad := ready_replica(), queue_limit=2)
    reservation = reserved(pool)
    waiters = waiting(pool, 2)
    pool.apply(bad, Event.REFUSED, 1)
    retrying = FakeRequest()
    assert pool.retry(retrying, reservation, 1) is None
    assert list(pool.queue) == [retrying, *waiters]
    pool.apply(bad, Event.PASSED, 2)
    assert retrying.reservation is not None


def test_a_retry_is_no_new_request_and_no_measure_of_the_pace() -> None:
    pool = pool_of(bad := ready_replica())
    reservation = reserved(pool)
    pool.apply(bad, Event.REFUSED, 5)
    pool.retry(FakeRequest(), reservation, 5)
    assert pool.demand.sample(10) == (10, 1, 1, 0)
    assert pool.service_seconds == 0


# Replicas that come and go


@pytest.mark.parametrize("event", [Event.MISSED, Event.REFUSED, Event.DRAIN, Event.CONDEMN, Event.EXIT])
def test_a_replica_that_takes_no_traffic_is_not_offered(event: Event) -> None:
    pool = pool_of(first := ready_replica(0), second := ready_replica(1))
    pool.apply(first, event, 1)
    assert reserved(pool).replica is second
    assert pool.reserve(2) is None


@pytest.mark.parametrize("event", [Event.MISSED, Event.DRAIN, Event.EXIT])
def test_a_slot_given_back_to_a_replica_that_takes_no_traffic_helps_nobody(event: Event) -> None:
    pool = pool_of(replica := ready_replica())
    reservation = reserved(pool)
    (waiter,) = waiting(pool)
    pool.apply(replica, event, 1)
    pool.release(reservation, 2)
    assert waiter.reservation is None
    assert (replica.in_flight, pool.in_flight) == (0, 0)


def test_a_replica_that_is_ready_again_keeps_count_of_what_still_runs() -> None:
    pool = pool_of(replica := ready_replica(limit=2))
    reserved(pool), reserved(pool)
    first, second = waiting(pool, 2)
    for event in (Event.MISSED, Event.PASSED):
        pool.apply(replica, event, 1)
    assert (first.reservation, second.reservation) == (None, None)
    assert replica.in_flight == 2


def test_a_drained_replica_that_is_taken_back_serves_again_once_it_is_asked() -> None:
    pool = pool_of(replica := ready_replica())
    pool.apply(replica, Event.DRAIN, 1)
    (waiter,) = waiting(pool)
    assert pool.apply(replica, Event.RECALL, 2)
    assert waiter.reservation is None
    pool.apply(replica, Event.PASSED, 3)
    assert waiter.slot.replica is replica


def test_slots_at_a_replica_that_was_removed_can_be_given_back() -> None:
    pool = pool_of(replica := ready_replica())
    reservation = reserved(pool)
    pool.apply(replica, Event.EXIT, 1)
    pool.remove(replica)
    assert (len(pool), pool.get(replica.id), pool.in_flight) == (0, None, 1)
    pool.release(reservation, 2)
    assert pool.in_flight == 0
    assert pool.reserve(3) is None


def test_changes_are_told_with_the_state_before() -> None:
    pool, told = pool_of(replica := Replica(0, "a", 1, 0)), []
    pool.on_change = lambda changed, before: told.append((changed.state, before))
    for event in (Event.PASSED, Event.PASSED, Event.DRAIN):
        pool.apply(replica, event, 1)
    assert told == [(State.READY, State.STARTING), (State.DRAINING, State.READY)]


# Balancers that are wrong


class Stubborn:
    """Answers as it was told, whatever is free."""

    answer: Replica | None = None

    def join(self, replica: Replica) -> None: ...

    def leave(self, replica: Replica) -> None: ...

    def update(self, replica: Replica) -> None: ...

    def choose(self) -> Replica | None:
        return self.answer


def with_wrong_balancer() -> tuple[Pool, Stubborn]:
    balancer = Stubborn()
    return pool_of(ready_replica(0, limit=2), ready_replica(1), balancer=balancer), balancer


def test_a_balancer_that_finds_nobody_does_not_keep_slots_from_requests() -> None:
    pool, _ = with_wrong_balancer()
    held = [reserved(pool) for _ in range(3)]
    (waiter,) = waiting(pool)
    pool.release(held[0], 1)
    assert waiter.reservation is not None


def test_a_balancer_that_chooses_a_full_replica_does_not_break_the_limit() -> None:
    pool, balancer = with_wrong_balancer()
    balancer.answer = pool.get("r0")
    assert [reserved(pool).replica.id for _ in range(3)] == ["r0", "r0", "r1"]
    assert pool.reserve(0) is None


def test_a_balancer_that_chooses_a_replica_that_takes_no_traffic_is_not_obeyed() -> None:
    pool, balancer = with_wrong_balancer()
    balancer.answer = draining = pool.get("r0")
    assert draining is not None
    pool.apply(draining, Event.DRAIN, 1)
    assert reserved(pool).replica.id == "r1"
    assert pool.reserve(1) is None

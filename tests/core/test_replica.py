from __future__ import annotations

import pytest

from proxy.core.replica import TRANSITIONS, Event, Replica, Reservation, SlotError, State
from tests.core.fakes import ready_replica


def test_every_state_answers_every_event() -> None:
    assert {state: set(answers) for state, answers in TRANSITIONS.items()} == {state: set(Event) for state in State}


@pytest.mark.parametrize("state", [State.DRAINING, State.STOPPED, State.FAILED])
def test_a_late_probe_does_not_revive(state: State) -> None:
    replica = ready_replica()
    replica.state = state
    assert not replica.move(Event.PASSED, 1)
    assert replica.state is state


@pytest.mark.parametrize("state", [State.STOPPED, State.FAILED])
def test_what_is_gone_stays_as_it_is(state: State) -> None:
    assert set(TRANSITIONS[state].values()) == {state}


def test_only_a_probe_that_passed_makes_a_replica_ready() -> None:
    ways = {(state, event) for state in State for event in Event if TRANSITIONS[state][event] is State.READY}
    assert {event for state, event in ways if state is not State.READY} == {Event.PASSED}


def test_an_exit_is_a_stop_only_after_a_drain() -> None:
    ends = {state: TRANSITIONS[state][Event.EXIT] for state in State}
    assert [state for state, end in ends.items() if end is State.STOPPED] == [State.DRAINING, State.STOPPED]


def test_a_replica_that_is_taken_back_is_asked_before_it_gets_requests() -> None:
    replica = ready_replica()
    replica.move(Event.DRAIN, 1)
    replica.move(Event.RECALL, 2)
    assert (replica.wanted, replica.available) == (True, False)
    replica.move(Event.PASSED, 3)
    assert replica.available


def test_states_that_count_towards_the_wanted_number() -> None:
    replica = Replica(0, "a", 1, 0)
    counts = {}
    for replica.state in State:
        counts[replica.state] = (replica.wanted, replica.gone)
    starting = dict.fromkeys([State.STARTING, State.READY, State.UNREADY], (True, False))
    gone = dict.fromkeys([State.STOPPED, State.FAILED], (False, True))
    assert counts == starting | gone | {State.DRAINING: (False, False)}


def test_a_cold_start_ends_with_the_first_readiness() -> None:
    replica = Replica(0, "a", 1, 10)
    assert replica.cold_start_seconds is None
    for event, now in [(Event.MISSED, 11), (Event.PASSED, 12.5), (Event.MISSED, 13), (Event.PASSED, 14)]:
        replica.move(event, now)
    assert replica.cold_start_seconds == 2.5


def test_move_says_whether_the_state_changed() -> None:
    replica = Replica(0, "a", 1, 0)
    assert [replica.move(event, 1) for event in (Event.MISSED, Event.PASSED, Event.PASSED)] == [False, True, False]


def test_a_full_replica_has_no_slot_to_claim() -> None:
    replica = ready_replica(limit=2)
    replica.claim()
    assert replica.available
    replica.claim()
    assert replica.full
    with pytest.raises(SlotError, match="r0 has no free slot"):
        replica.claim()


@pytest.mark.parametrize("event", [Event.REFUSED, Event.DRAIN, Event.CONDEMN, Event.EXIT])
def test_a_replica_that_is_not_ready_has_no_slot_to_claim(event: Event) -> None:
    replica = ready_replica()
    replica.move(event, 1)
    with pytest.raises(SlotError):
        replica.claim()


def test_a_replica_is_idle_since_it_was_ready_or_gave_back_its_last_slot() -> None:
    replica = Replica(0, "a", 2, started_at=0)
    replica.move(Event.PASSED, 60)
    assert replica.idle_since == 60
    replica.claim()
    replica.claim()
    replica.give_back(70)
    assert replica.idle_since == 60
    replica.give_back(80)
    assert replica.idle_since == 80


def test_when_idle_calls_now_or_later_or_never() -> None:
    calls: list[str] = []
    replica = ready_replica()
    replica.when_idle(lambda: calls.append("now"))
    replica.claim()
    replica.when_idle(lambda: calls.append("later"))
    assert calls == ["now"]
    replica.give_back(1)
    replica.claim()
    replica.when_idle(None)
    replica.give_back(2)
    assert calls == ["now", "later"]


def test_a_reservation_ends_once() -> None:
    reservation = Reservation(ready_replica(), 0)
    reservation.end()
    with pytest.raises(SlotError, match="slot of replica r0 was given back twice"):
        reservation.end()


def test_a_replica_without_a_port_has_no_address() -> None:
    replica = Replica(0, "a", 1, 0)
    assert (replica.address, repr(replica)) == ("", "<Replica a starting 0/1>")
    replica.host, replica.port = "10.0.0.1", 80
    assert replica.address == "10.0.0.1:80"

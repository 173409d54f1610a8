"""One running copy of an app: its state, its slots, and the only table by which the state changes."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from proxy.errors import TidegateError


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


class Event(Enum):
    PASSED = auto()  # the readiness probe said yes
    MISSED = auto()  # it said no, or nothing
    REFUSED = auto()  # live traffic could not connect
    DRAIN = auto()  # not wanted any more
    RECALL = auto()  # wanted again, before it was sent SIGTERM
    CONDEMN = auto()  # not ready in time, or its health kept failing
    EXIT = auto()  # its process or container is gone


_LOST = {Event.CONDEMN: State.FAILED, Event.EXIT: State.FAILED}

# Every state answers every event, so that a late probe cannot revive what is draining or gone.
TRANSITIONS: dict[State, dict[Event, State]] = {
    State.STARTING: {
        Event.PASSED: State.READY,
        Event.MISSED: State.STARTING,
        Event.REFUSED: State.STARTING,
        Event.DRAIN: State.DRAINING,
        Event.RECALL: State.STARTING,
        **_LOST,
    },
    State.READY: {
        Event.PASSED: State.READY,
        Event.MISSED: State.UNREADY,
        Event.REFUSED: State.UNREADY,
        Event.DRAIN: State.DRAINING,
        Event.RECALL: State.READY,
        **_LOST,
    },
    State.UNREADY: {
        Event.PASSED: State.READY,
        Event.MISSED: State.UNREADY,
        Event.REFUSED: State.UNREADY,
        Event.DRAIN: State.DRAINING,
        Event.RECALL: State.UNREADY,
        **_LOST,
    },
    State.DRAINING: {
        Event.PASSED: State.DRAINING,
        Event.MISSED: State.DRAINING,
        Event.REFUSED: State.DRAINING,
        Event.DRAIN: State.DRAINING,
        Event.RECALL: State.UNREADY,  # what it answered while draining was not looked at
        Event.CONDEMN: State.DRAINING,
        Event.EXIT: State.STOPPED,
    },
    State.STOPPED: dict.fromkeys(Event, State.STOPPED),
    State.FAILED: dict.fromkeys(Event, State.FAILED),
}

_WANTED = (State.READY, State.STARTING, State.UNREADY)


class SlotError(TidegateError):
    """A slot was claimed where none was free, or given back twice."""


# Bound to final names: looking a member up on its Enum costs 0.1 µs on Python 3.11, and a request does it often.
_READY: Final = State.READY


class Replica:
    """State and slots of one running copy; slots are claimed and returned by its Pool alone.

    `order` numbers the replicas of an app in start order. Times are seconds of the monotonic clock.
    """

    __slots__ = (
        "_on_idle",
        "host",
        "id",
        "id_bytes",
        "idle_since",
        "in_flight",
        "inherited",
        "killed",
        "last_probe",
        "limit",
        "order",
        "port",
        "ready_at",
        "routable",
        "started_at",
        "state",
    )

    def __init__(self, order: int, replica_id: str, limit: int, started_at: float) -> None:
        self.order = order
        self.id = replica_id
        self.id_bytes = replica_id.encode()  # said in every answer
        self.limit = limit
        self.started_at = started_at
        self.host = ""
        self.port = 0
        self.state = State.STARTING
        self.routable = False  # ready: follows the state, for it is asked several times a request
        self.in_flight = 0
        self.ready_at: float | None = None
        self.idle_since = started_at
        self.last_probe = ""
        self.inherited = False  # ran before this proxy did
        self.killed = False  # ended by us at the end of a grace period, with the requests that it still had
        self._on_idle: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Replica {self.id} {self.state.value} {self.in_flight}/{self.limit}>"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}" if self.port else ""

    @property
    def full(self) -> bool:
        return self.in_flight >= self.limit

    @property
    def available(self) -> bool:
        return self.routable and self.in_flight < self.limit

    @property
    def gone(self) -> bool:
        return self.state is State.STOPPED or self.state is State.FAILED

    @property
    def wanted(self) -> bool:
        """Counts towards the desired number of replicas."""
        return self.state in _WANTED

    @property
    def cold_start_seconds(self) -> float | None:
        return None if self.ready_at is None else self.ready_at - self.started_at

    def cold_seconds(self, since: float) -> float | None:
        """How much of a wait that began at `since` was its start; None if it had been ready by then."""
        ready_at = self.ready_at
        return None if ready_at is None or ready_at <= since else ready_at - max(since, self.started_at)

    def move(self, event: Event, now: float) -> bool:
        """Change state by the table; true if it changed."""
        before = self.state
        self.state = TRANSITIONS[before][event]
        self.routable = self.state is _READY
        if self.state is _READY and self.ready_at is None:
            self.ready_at = self.idle_since = now
        return self.state is not before

    def claim(self) -> bool:
        """Take a slot; true if it was the last free one. Raises SlotError if there is none."""
        taken = self.in_flight + 1
        if taken > self.limit or not self.routable:
            raise SlotError(f"replica {self.id} has no free slot")
        self.in_flight = taken
        return taken == self.limit

    def give_back(self, now: float) -> bool:
        """Return a slot; true if none had been free."""
        taken = self.in_flight
        self.in_flight = taken - 1
        if taken == 1:
            self.idle_since = now
            if self._on_idle is not None:
                self._on_idle()
        return taken == self.limit

    def when_idle(self, call: Callable[[], None] | None) -> None:
        """Call once nothing is in flight, now or later; None forgets it."""
        self._on_idle = call
        if call is not None and not self.in_flight:
            call()


class Reservation:
    """One slot held by one request, given back exactly once through Pool.release."""

    __slots__ = ("replica", "returned", "since")

    def __init__(self, replica: Replica, since: float) -> None:
        self.replica = replica
        self.since = since
        self.returned = False

    def end(self) -> None:
        """Mark it as given back; raises SlotError the second time."""
        if self.returned:
            raise SlotError(f"a slot of replica {self.replica.id} was given back twice")
        self.returned = True

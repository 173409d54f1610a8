"""What the `objective` policy reckons: the k-th replica is held while what it would have saved is worth its cost."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.objective.account import MIX, Account, Terms, Times, Vector
from proxy.core.autoscaler.objective.autopilots import PRICES, Autopilots, Look, Promise
from proxy.core.autoscaler.objective.lookback import Row
from proxy.core.autoscaler.objective.rescue import Slots, just_in_time, worth_starting
from proxy.core.autoscaler.objective.unhindered import Unhindered
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.core.journal import Kind
from proxy.core.window import MaxWindow

# Until a start has been measured.
_COLD_START_SECONDS = 10.0
# The vectors follow the demand in steps of a hundredth of a cold start, within bounds …
_SHORTEST_STEP_SECONDS, _LONGEST_STEP_SECONDS = 0.05, 0.25
# … and the number of replicas is reckoned anew once a second; between that, only for those who wait.
_LOOK_SECONDS = 0.99
_HELD_SECONDS = 5.0
# What a second of a request's waiting is worth beside its being late: it decides between equals.
_WAITING_SHARE = 0.01
# The prices of reactive starts under a promise: generous where a start comes too late to keep it.
_RESCUE_PRICE, _FAST_RESCUE_PRICE = 10.0, 0.2
_SHORTEST_PROMISE_SECONDS = 0.1
# Looking a member up on its Enum costs 0.1 µs on Python 3.11, and every step of a request would do so several times.
_ARRIVED, _STARTED, _ENDED, _LEFT = Kind.ARRIVED, Kind.STARTED, Kind.ENDED, Kind.LEFT


def _weights(of_waiting: Vector, of_late: Vector) -> Vector:
    """Of the account's vectors, for each price; reactive starts are in replica-seconds already."""
    both_copies: Vector = np.kron(np.column_stack([of_waiting, np.ones_like(of_late), of_late]), MIX)
    return both_copies


def _priced(price: float) -> Vector:
    return _weights(np.array([price]), np.zeros(1))


class Reckoner:
    """All that is learned about an app; each look changes it in place.

    With `wait_price` that is what a second of one request's waiting is worth, in replica-seconds; without it
    the autopilots find what a late request has to be worth for the promise to hold.
    """

    def __init__(self, settings: Scaling, now: float) -> None:
        self._concurrency = settings.replica_concurrency
        self._price = settings.wait_price
        self._weights = _weights(_WAITING_SHARE * PRICES, PRICES) if self._price is None else _priced(self._price)
        self._promise = Promise(max(settings.wait_seconds, _SHORTEST_PROMISE_SECONDS), settings.wait_share)
        self._unhindered = Unhindered()
        self._account = Account(self._concurrency, now)
        self._autopilots = Autopilots(self._promise, self._concurrency)
        self._cold_start = Learned()
        self._telling = deque([now], maxlen=self._promise.telling)
        self._terms = Terms(self._rescue_price, self._promise.seconds)
        self._demand = 0.0
        self._arrived = 0  # at the last reckoning
        self._reckoned_at = now - _LOOK_SECONDS
        self._base = 0
        self._rescue = MaxWindow(_COLD_START_SECONDS)

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> Wish:
        self._cold_start.look(seen, now)
        times = self._times(now)
        self._terms = Terms(self._rescue_price, self._promise.seconds)
        self._follow(seen, times)
        reckon = now - self._reckoned_at >= _LOOK_SECONDS
        if reckon:
            self._reckon(now, times)
        rescue = self._rescued(seen, times, limits, now)
        # Between two reckonings nothing is given back.
        kept = 0 if reckon else min(seen.ready + seen.starting, limits.max_replicas)
        terms = (self._base_term(), *self._insurance(limits), rescue)
        count = max(term.count for term in terms)
        return Wish(count, max(count, kept), terms, self._demand, "nothing is given back between two reckonings")

    def _times(self, now: float) -> Times:
        telling = now - self._telling[0] if self._price is None else 0.0
        return Times(self._unhindered.times.mean, self._cold_start.seconds, telling)

    @property
    def _rescue_price(self) -> float:
        if self._price is not None:
            return self._price
        return _FAST_RESCUE_PRICE if self._promise.rescuable(self._cold_start.seconds) else _RESCUE_PRICE

    # What happened

    def _follow(self, seen: Observation, times: Times) -> None:
        step = min(_LONGEST_STEP_SECONDS, max(_SHORTEST_STEP_SECONDS, times.cold_start / 100))
        waits = []
        for entry in seen.journal:
            kind = entry.kind
            if kind is _STARTED or kind is _LEFT:
                waits.append(entry.seconds)
            elif kind is _ARRIVED or kind is _ENDED:
                if kind is _ARRIVED:
                    self._account.recent.arrived += 1
                    self._telling.append(entry.at)
                if entry.at - self._account.since >= step:
                    self._advance(entry.at, times)
                self._demand = max(0.0, self._demand + (1 if kind is _ARRIVED else -1))
            self._unhindered.note(entry)
        self._unhindered.agree(seen.in_flight)
        self._autopilots.started(waits)

    def _advance(self, at: float, times: Times) -> None:
        self._account.advance(at, self._demand, times, self._terms)

    # How many to hold

    def _reckon(self, now: float, times: Times) -> None:
        self._advance(now, times)
        self._demand = self._unhindered.value(now)
        self._account.reach(self._demand)
        self._base = self._by_price() if self._price is not None else self._by_promise(now, times)
        self._reckoned_at = now

    def _by_price(self) -> int:
        return self._cheapest()[0]

    def _by_promise(self, now: float, times: Times) -> int:
        wanted = self._cheapest()
        recent = self._account.recent
        look = Look(now - self._reckoned_at, self._demand, recent.arrived - self._arrived, recent.bound, wanted)
        self._arrived = recent.arrived
        return wanted[self._autopilots.look(look, times, self._rescue_price)]

    def _cheapest(self) -> Row:
        """For each price, how many replicas would have cost least over the time remembered; one while any is needed."""
        account = self._account
        costs = account.weighed(self._weights)
        costs += account.held * max(account.seconds, 1.0)
        counts: list[int] = costs.argmin(axis=1).tolist()
        return tuple([count or 1 for count in counts] if self._demand > 0 else counts)

    # How many more for those who wait

    def _rescued(self, seen: Observation, times: Times, limits: Limits, now: float) -> Term:
        count = self._needed(seen, times, now)
        held = times.cold_start + _HELD_SECONDS
        window = self._rescue if self._rescue.span == held else replace(self._rescue, span=held)
        self._rescue = window.add(now, min(seen.ready + count if count else 0, limits.max_replicas))
        oldest = seen.oldest_wait_seconds
        why = f"{seen.queued} queued, the first for {oldest:.1f} s; a start takes {times.cold_start:.1f} s"
        return Term("rescue", self._rescue.max, why)

    def _needed(self, seen: Observation, times: Times, now: float) -> int:
        if not seen.queued:
            return 0
        slots = Slots(self._concurrency, seen.ready, seen.starting)
        if self._price is None and self._promise.rescuable(times.cold_start):
            waited = (now - arrival for arrival in self._unhindered.waiting)
            return just_in_time(waited, slots, times, self._promise.seconds)
        return worth_starting(seen.queued, slots, times, self._rescue_price)

    def _base_term(self) -> Term:
        if self._price is not None:
            worth = f"a second of waiting is worth {self._price:g} replica-seconds"
        else:
            worth = (
                f"a late request is worth {self._autopilots.price:g} replica-seconds "
                f"for at most {self._promise.share:.2%} to wait longer than {self._promise.seconds:g} s"
            )
        return Term("objective", self._base, f"unhindered demand {self._demand:.1f}; {worth}")

    def _insurance(self, limits: Limits) -> Iterator[Term]:
        if count := min(self._autopilots.insured, limits.max_replicas):
            why = (
                f"more than {self._promise.share:.2%} were late since the start, and a burst like those before may come"
            )
            yield Term("insurance", count, why)


class Learned:
    """The cold start's length: as measured; before the first has ended, at least as long as one has been going on."""

    def __init__(self) -> None:
        self.seconds = _COLD_START_SECONDS
        self._starting_since = math.inf

    def look(self, seen: Observation, now: float) -> None:
        if seen.cold_start is not None:
            self.seconds = max(0.1, seen.cold_start.seconds)
        elif seen.starting:
            self._starting_since = min(self._starting_since, now)
            self.seconds = max(self.seconds, 1.2 * (now - self._starting_since))

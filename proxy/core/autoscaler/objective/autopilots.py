"""From a promise to what a late request is worth: several values are tried side by side on the real demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proxy.core.autoscaler.objective.account import Times
from proxy.core.autoscaler.objective.budget import Budget
from proxy.core.autoscaler.objective.insurance import Insurance, Sight
from proxy.core.autoscaler.objective.lookback import Lookback, Row
from proxy.core.autoscaler.objective.rescue import Slots, worth_starting

# Replica-seconds per late request, cheapest first. Hardly anybody may be late: the dearest keep a replica
# for a request in ten minutes.
PRICES = np.array([0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0])
FIRST = 5
# Followed at least while a burst that nobody could foresee has used up more than is allowed: at this one, what a burst
# needed is still held when it comes back after a few times as long as the account remembers.
INSURED = 8
_DEAREST = len(PRICES) - 1
# One autopilot more, at INSURED, goes without insurance: for whom it has no replicas are the bursts to insure against.
_FLOWN = len(PRICES) + 1
_NONE = (0,) * _FLOWN
_NOBODY = [0.0] * _FLOWN
_NONE_LATE = [0] * _FLOWN
# Judged over the last hour, or the requests that tell whether the promise is kept where they are fewer.
_JUDGED_SECONDS = 3600.0
# So many late ones do, within reason.
_TELLING_LATE, _MOST_TELLING = 3.0, 10_000
_ENOUGH_REQUESTS = 20.0
# Who begins with nothing has late requests that no price could have avoided: not judged for so long + two starts.
_UNJUDGED_SECONDS = 300.0
_AIM = 0.8  # of the share that is promised
# How far what really happened corrects what the autopilots reckon.
_LEAST_CORRECTION, _MOST_CORRECTION = 0.5, 3.0
_CORRECTION_WEIGHT = 5.0
_FEW_LATE = 3.0
_DOUBT = 3.0  # late requests that may only not have been seen yet
_HELD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Promise:
    """At most `share` of the requests wait longer than `seconds`."""

    seconds: float
    share: float

    @property
    def telling(self) -> int:
        """How many requests tell whether it is kept."""
        return math.ceil(_TELLING_LATE / max(self.share, _TELLING_LATE / _MOST_TELLING))

    def rescuable(self, cold_start: float) -> bool:
        """Whether a start is fast enough to keep it for those who wait already."""
        return cold_start < 0.9 * self.seconds


@dataclass(frozen=True, slots=True)
class Look:
    """What happened since the look before, and the number of replicas that each price wants now."""

    seconds: float
    demand: float
    arrivals: int
    recent: float  # arrivals within a cold start: an older backlog has been rescued
    wanted: Row


class Autopilots:
    """Each price's own replicas, ready one cold start later, and its own backlog, as a fluid.

    Owns which price is followed. Those that were late in each autopilot and in reality fade over the time judged.
    """

    def __init__(self, promise: Promise, concurrency: int) -> None:
        self.followed = FIRST
        self.insured = 0  # replicas to hold in any case, for a burst that may come back
        self._promise = promise
        self._concurrency = concurrency
        self._backlog = [0.0] * _FLOWN
        self._behind = False  # whether any of them has a backlog
        self._late = [0.0] * _FLOWN
        self._requests = 0.0
        self._lived_seconds = 0.0
        self._judged_seconds = 0.0
        self._stepped_at = 0.0
        self._lowest, self._lowest_until = 0, 0.0
        self._wanted = Lookback(_FLOWN)
        self._rescues = Lookback(_FLOWN)
        self._looks_unrescued = 0
        self._really = Really()
        self._budget = Budget(promise.share)
        self._insurance = Insurance()

    @property
    def price(self) -> float:
        """The one that is followed."""
        return float(PRICES[self.followed])

    def started(self, waits: Sequence[float]) -> None:
        """Requests that got their slot, or gave up, after such waits."""
        if self._judged_seconds:
            late = sum(wait > self._promise.seconds for wait in waits)
            self._really.add(len(waits), late)
            self._budget.spend(len(waits), late)

    def look(self, look: Look, times: Times, rescue_price: float) -> int:
        """Let all of them live through the time since the last look; the price to follow, as its place."""
        ready = self._steer(self._insured(look.wanted), times)
        queued = self._flow(look, ready, times)
        self._rescue(ready, queued, times, rescue_price)
        self._lived_seconds += look.seconds
        late = self._arrived_late(look, ready, queued, times)
        if self._lived_seconds > _UNJUDGED_SECONDS + 2 * times.cold_start:
            self._judge(look, late)
            self._follow(times)
        self._insure(Sight(self._lived_seconds, late[-1], ready[-1], look.demand / self._concurrency), times)
        return self.followed

    def _insured(self, wanted: Row) -> Row:
        least = self.insured
        return (*(max(count, least) for count in wanted), wanted[INSURED])

    def _insure(self, sight: Sight, times: Times) -> None:
        """Against what even a dear price forgets, once more were late than is promised."""
        self._insurance.see(sight, times.cold_start)
        owed = self._budget.overdraft and not self._promise.rescuable(times.cold_start)
        self.insured = self._insurance.held(sight.now, times.cold_start, float(PRICES[INSURED])) if owed else 0

    def _steer(self, wanted: Row, times: Times) -> Row:
        """What is ready of what was wanted during the last cold start."""
        held = math.ceil(times.cold_start + _HELD_SECONDS)
        if self._looks_unrescued < held:
            wanted = tuple(map(max, wanted, self._rescues.highest(held)))
        lowest = self._wanted.lowest(math.ceil(times.cold_start))
        self._wanted.push(wanted)
        return wanted if lowest == wanted else tuple(map(min, lowest, wanted))

    # Ten numbers are reckoned sooner one by one than as a vector.

    def _flow(self, look: Look, ready: Row, times: Times) -> list[float]:
        """How many stand before those who arrive now, in each."""
        if not self._behind and min(ready) * self._concurrency >= look.demand:
            return _NOBODY
        pace = look.seconds / times.service
        queued = []
        for place, count in enumerate(ready):
            slots = self._concurrency * count
            backlog = self._backlog[place] + (look.demand - slots) * pace
            backlog = 0.0 if backlog < 0 else min(backlog, look.recent)
            self._backlog[place] = backlog
            ahead = look.demand + backlog - slots
            queued.append(ahead if ahead > 0 else 0.0)
        self._behind = any(self._backlog)
        return queued

    def _arrived_late(self, look: Look, ready: Row, queued: list[float], times: Times) -> list[int]:
        """How many of those who arrive now wait too long in each."""
        if not look.arrivals or (queued is _NOBODY and all(ready)):
            return _NONE_LATE
        pace, most, bearable = times.service / self._concurrency, times.cold_start, self._promise.seconds
        waits = (min(ahead * pace / count, most) if count else most for count, ahead in zip(ready, queued, strict=True))
        return [look.arrivals if wait > bearable else 0 for wait in waits]

    def _rescue(self, ready: Row, queued: list[float], times: Times, price: float) -> None:
        """The reactive starts of each for its own queue."""
        self._looks_unrescued += 1
        if queued is _NOBODY or max(queued) < 0.5:
            self._rescues.push(_NONE)
            return
        rescued = [0] * len(ready)
        for place, (count, ahead) in enumerate(zip(ready, queued, strict=True)):
            if ahead < 0.5:
                continue
            more = worth_starting(int(ahead + 0.5), Slots(self._concurrency, count, 0), times, price)
            if more:
                rescued[place] = count + more
                self._looks_unrescued = 0
        self._rescues.push(tuple(rescued))

    def _judge(self, look: Look, late: list[int]) -> None:
        kept = min(1.0, math.exp(-look.seconds / _JUDGED_SECONDS))
        if self._requests * kept < self._promise.telling:
            kept = 1.0
        self._late = [kept * before + now for before, now in zip(self._late, late, strict=True)]
        self._requests = kept * self._requests + look.arrivals
        self._judged_seconds += look.seconds
        self._budget.fade(look.seconds)
        self._really.fade(kept, float(late[self.followed]))

    def _follow(self, times: Times) -> None:
        """The cheapest price that keeps the promise: a dearer one at once, a cheaper one step by step.

        But no cheaper one while replicas are insured, with which any price keeps it.
        """
        if self._requests < _ENOUGH_REQUESTS and not self._budget.overdraft:
            return
        best = self._dearer() if self._promise.rescuable(times.cold_start) else self._kept()
        if best >= self.followed:
            self.followed = best
        elif not self.insured and self._judged_seconds - self._stepped_at > times.memory / 2:
            self.followed -= 1
            self._stepped_at = self._judged_seconds

    def _kept(self) -> int:
        """The cheapest for the last hour; dearer, the more all the time remembered is overdrawn."""
        cheapest = self._cheapest()
        return max(cheapest, min(cheapest + self._budget.overdraft, INSURED), self._floor())

    def _cheapest(self) -> int:
        """By the autopilots. What even the dearest could not avoid is charged to at most half of what is allowed.

        Where it is more than all that is allowed, its coming back would be avoidable: no cheap price is followed then.
        """
        correction = self._really.correction
        unavoidable = self._late[_DEAREST] * correction
        allowed = _AIM * self._promise.share * self._in_an_hour()
        most = max(allowed / 2, allowed - unavoidable)
        least = INSURED if unavoidable > allowed + _FEW_LATE else 0
        kept = (p for p in range(least, _DEAREST) if self._late[p] * correction - unavoidable + _DOUBT <= most)
        return next(kept, _DEAREST)

    def _floor(self) -> int:
        """Where more were really late than the followed value had reckoned, a dearer one holds for a while.

        And then until the budget could bear the same once more.
        """
        bearable = max(_FEW_LATE, _AIM * self._promise.share * self._in_an_hour() / 2)
        if self._really.excess > bearable:
            self._really.answer()
            self._lowest = min(self.followed + 1, _DEAREST)
            self._lowest_until = self._judged_seconds + _JUDGED_SECONDS / 2
        elif self._judged_seconds >= self._lowest_until and not self._budget.strained:
            self._lowest = 0
        return self._lowest

    def _dearer(self) -> int:
        """Where starts are fast they keep the promise; if they do not, more replicas do."""
        used = self._really.late / self._in_an_hour() / max(self._promise.share, 1e-6)
        return sum(used > part for part in (0.2, 0.5, 0.7, 1.0))

    def _in_an_hour(self) -> float:
        """Requests over the time judged; of one still young, what is to come counts a quarter."""
        return self._requests * max(1.0, 0.75 + _JUDGED_SECONDS / 4 / max(1.0, self._judged_seconds))


class Really:
    """How many requests really waited too long, beside how many the followed autopilot reckoned."""

    def __init__(self) -> None:
        self.requests = 0.0
        self.late = 0.0
        self._reckoned = 0.0
        self._answered = 0.0

    @property
    def excess(self) -> float:
        """So many were late that nobody had reckoned with, since this was answered."""
        return self.late - self._reckoned - self._answered

    def answer(self) -> None:
        self._answered += self.excess

    @property
    def correction(self) -> float:
        """What to multiply the autopilots' late requests by."""
        ratio = (self.late + _CORRECTION_WEIGHT) / (self._reckoned + _CORRECTION_WEIGHT)
        return min(_MOST_CORRECTION, max(_LEAST_CORRECTION, ratio))

    def add(self, requests: int, late: int) -> None:
        self.requests += requests
        self.late += late

    def fade(self, kept: float, reckoned: float) -> None:
        self.requests *= kept
        self.late *= kept
        self._answered *= kept
        self._reckoned = kept * self._reckoned + reckoned

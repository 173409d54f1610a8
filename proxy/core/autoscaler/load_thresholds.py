"""The `load-thresholds` policy: one replica more where the load stays high, one less where it stays low."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.policy import Wish
from proxy.core.window import MeanWindow

_HIGH, _BETWEEN, _LOW = 1, 0, -1


@dataclass(frozen=True, slots=True)
class LoadThresholds:
    """What the policy remembers: its number of replicas, and since when the load is where it is."""

    in_flight: MeanWindow
    side: int
    since: float
    busy_at: float
    count: int | None = None  # None before the first look: then it takes over what runs

    @classmethod
    def fresh(cls, settings: Scaling, now: float) -> LoadThresholds:
        return cls(MeanWindow(_smoothing_seconds(settings)), _BETWEEN, now, busy_at=-math.inf)

    def follow(self, settings: Scaling) -> LoadThresholds:
        """What stays true under other thresholds and delays."""
        return replace(self, in_flight=self.in_flight.spanning(_smoothing_seconds(settings)))

    def look(self, settings: Scaling, seen: Observation, limits: Limits, now: float) -> tuple[Wish, LoadThresholds]:
        slots = seen.ready * settings.replica_concurrency
        in_flight = self.in_flight.add(now, seen.sample.seconds, min(seen.sample.mean, max(slots, seen.in_flight)))
        load = in_flight.mean(now) / (max(1, seen.replicas) * settings.replica_concurrency)
        looked = replace(self, in_flight=in_flight, busy_at=now if seen.busy else self.busy_at)
        looked = looked._turned(_side(settings, load), now)
        own = seen.replicas if self.count is None else self.count
        count = limits.confine(own)  # steps go from what there is; without one the own number outlives other limits
        step = looked._step(settings, count, now)
        stepped = limits.confine(count + step)
        wanted = own if stepped == count else stepped
        wish = Wish(wanted, wanted, (Term("load", wanted, looked._why(settings, load, step, now)),), load)
        return wish, replace(looked, count=wanted, since=now if step else looked.since)

    def _turned(self, side: int, now: float) -> LoadThresholds:
        return self if side == self.side else replace(self, side=side, since=now)

    def _step(self, settings: Scaling, count: int, now: float) -> int:
        if not count:
            return int(self.busy_at == now)
        if self.side == _HIGH and now - self.since >= settings.scale_up_delay_seconds:
            return 1
        # The last replica serves a low load as well: it goes after so long without any request.
        low_since = self.since if count > 1 else max(self.since, self.busy_at)
        return -int(self.side == _LOW and now - low_since >= settings.scale_down_delay_seconds)

    def _why(self, settings: Scaling, load: float, step: int, now: float) -> str:
        where = {
            _HIGH: f"≥ {settings.scale_up_threshold:g}",
            _BETWEEN: "between the thresholds",
            _LOW: f"< {settings.scale_down_threshold:g}",
        }[self.side]
        change = {1: ": one more", 0: "", -1: ": one less"}[step]
        return f"load {load:.2f} {where} for {now - self.since:.0f} s{change}"


def _smoothing_seconds(settings: Scaling) -> float:
    """A load that is high "for a minute" may dip for a moment: it is smoothed over a tenth of that."""
    return max(1.0, settings.scale_up_delay_seconds / 10)


def _side(settings: Scaling, load: float) -> int:
    if load >= settings.scale_up_threshold:
        return _HIGH
    return _LOW if load < settings.scale_down_threshold else _BETWEEN

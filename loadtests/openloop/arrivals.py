"""When each request is due, and how long it shall be served."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from random import Random

from proxy.simulation.trace import Call

UNSAID = math.nan  # the server's own service time
Draw = Callable[[Random], float]


def poisson(rate: float, seconds: float, random: Random, service: Draw | None = None) -> list[Call]:
    """`rate` a second on average, each independent of the others."""
    return _until(seconds, lambda: random.expovariate(rate), random, service)


def fixed(rate: float, seconds: float, random: Random, service: Draw | None = None) -> list[Call]:
    """One each 1 / `rate` seconds."""
    return _until(seconds, lambda: 1 / rate, random, service)


def faster(calls: Iterable[Call], speed: float, seconds: float = math.inf) -> list[Call]:
    """Time runs `speed` times as fast, service included, so that the load stays; what is due within `seconds` of it."""
    sped = (Call(arrival / speed, service / speed) for arrival, service in calls)
    return [call for call in sped if call.arrival < seconds]


def _until(seconds: float, gap: Callable[[], float], random: Random, service: Draw | None) -> list[Call]:
    calls: list[Call] = []
    due = gap()
    while due < seconds:
        calls.append(Call(due, service(random) if service else UNSAID))
        due += gap()
    return calls

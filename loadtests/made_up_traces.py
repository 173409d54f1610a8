"""Made-up traffic, hours to a week long: what no hour of a real trace shows. Seeded, so that figures compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from random import Random

from proxy.simulation.trace import Call

HOUR, DAY = 3600.0, 86400.0
Rate = Callable[[float], float]


def steady(random: Random) -> Iterator[Call]:
    """Poisson, one a second, for six hours."""
    return _poisson(random, lambda _now: 1.0, 1.0, 6 * HOUR, service=4.0)


def wave(random: Random) -> Iterator[Call]:
    """A sine of 95 minutes between a tenth and 1.9 of one request a second, for eight hours."""
    return _poisson(random, lambda now: 1 + 0.9 * math.sin(now * math.tau / 5700), 1.9, 8 * HOUR, service=4.0)


def spikes(random: Random) -> Iterator[Call]:
    """Forty times the usual rate for a minute in every 700 s, for six hours."""
    return _poisson(random, lambda now: 8.0 if now % 700 >= 640 else 0.2, 8.0, 6 * HOUR, service=2.0)


def slow(random: Random) -> Iterator[Call]:
    """A steady load of requests of a minute."""
    return _poisson(random, lambda _now: 0.1, 0.1, 12 * HOUR, service=60.0)


def ramp(random: Random) -> Iterator[Call]:
    """From nothing to three requests a second in four hours, and back."""
    return _poisson(random, lambda now: 3 * (1 - abs(now / (4 * HOUR) - 1)), 3.0, 8 * HOUR, service=2.0)


def bursts(random: Random) -> Iterator[Call]:
    """On for a while, off for a while, both heavy-tailed (Pareto): no time scale is typical."""
    now = 0.0
    while now < 8 * HOUR:
        until = now + min(600.0, 5 * random.paretovariate(1.3))
        for call in _poisson(random, lambda _now: 2.0, 2.0, until - now, service=3.0):
            yield Call(now + call.arrival, call.service)
        now = until + min(1800.0, 10 * random.paretovariate(1.2))


def days(random: Random) -> Iterator[Call]:
    """Two days of office hours, quieter nights."""
    return _poisson(random, lambda now: 0.1 + 0.5 * _office(now), 0.6, 2 * DAY, service=4.0)


def week(random: Random) -> Iterator[Call]:
    """A week: office hours from Monday to Friday, hardly anything at the weekend."""
    return _poisson(random, lambda now: 0.02 + 0.3 * _office(now) * (now < 5 * DAY), 0.32, 7 * DAY, service=4.0)


def batches(random: Random) -> Iterator[Call]:
    """A little all day, and 200 requests within a minute at two, ten and eighteen o'clock, for three days."""
    calls = list(_poisson(random, lambda _now: 0.05, 0.05, 3 * DAY, service=3.0))
    for day in range(3):
        for hour in (2, 10, 18):
            begin = day * DAY + hour * HOUR
            calls += [Call(begin + random.uniform(0, 60), random.expovariate(1 / 3)) for _ in range(200)]
    return iter(sorted(calls))


def web(random: Random) -> Iterator[Call]:
    """Short requests, three a second by day, at a rate that wanders, eight times as many for twenty minutes once."""
    wandering = 0.0
    for minute in range(10 * 60):
        begin = 60.0 * minute
        wandering = 0.9 * wandering + random.gauss(0, 0.25)
        rate = 3 * math.exp(wandering) * (0.3 + 0.7 * _office(begin + 6 * HOUR))
        if 6 * HOUR <= begin < 6 * HOUR + 1200:
            rate *= 8
        for after in takewhile(lambda after: after < 60, _arrivals(random, rate)):
            yield Call(begin + after, min(10.0, _log_normal(random, 0.15, 1.0)))


def images(random: Random) -> Iterator[Call]:
    """One to eight pictures of 6 to 24 s at once, a hundred times an hour at noon, hardly ever at night, for a day."""
    calls = []
    for now in takewhile(lambda now: now < DAY, _arrivals(random, 0.034)):
        if random.random() * 0.034 < 0.004 + 0.03 * _office(now):
            seconds = random.choice((6.0, 9.0, 9.0, 14.0, 22.0))
            wanted = min(8, 1 + int(random.expovariate(0.5)))
            calls += [Call(now + 0.3 * place, seconds * random.uniform(0.95, 1.1)) for place in range(wanted)]
    return iter(sorted(calls))


def chat(random: Random) -> Iterator[Call]:
    """A day whose rate and burstiness (gamma-distributed gaps) change every ten minutes or so."""
    now = 0.0
    while now < DAY:
        until = now + random.expovariate(1 / 600)
        rate = 0.3 * (0.15 + 1.3 * _office(now)) * _log_normal(random, 1.0, 0.8)
        shape = random.choice((0.08, 0.2, 0.5, 1.0))  # 1 is Poisson
        while now < until:
            now += random.gammavariate(shape, 1 / (shape * rate))
            yield Call(now, min(120.0, _log_normal(random, 6.0, 0.9)))


TRACES: Mapping[str, Callable[[Random], Iterator[Call]]] = {
    "steady": steady,
    "wave": wave,
    "spikes": spikes,
    "slow": slow,
    "ramp": ramp,
    "bursts": bursts,
    "web": web,
    "images": images,
    "chat": chat,
    "days": days,
    "week": week,
    "batches": batches,
}


def repeated(calls: Sequence[Call], seconds: float = DAY) -> list[Call]:
    """The same again and again."""
    span = calls[-1].arrival
    return [Call(turn * span + call.arrival, call.service) for turn in range(round(seconds / span)) for call in calls]


def after_nights(parts: Sequence[Sequence[Call]], night: float = 10 * HOUR) -> list[Call]:
    """One after the other, with a night's silence between."""
    calls: list[Call] = []
    for part in parts:
        begin = calls[-1].arrival + night if calls else 0.0
        calls += [Call(begin + call.arrival, call.service) for call in part]
    return calls


def made_up(name: str, seed: int = 1) -> list[Call]:
    return list(TRACES[name](Random(f"{name} {seed}")))


def _office(now: float) -> float:
    """0 at night, 1 at noon."""
    return max(0.0, math.sin((now % DAY / DAY - 0.25) * math.tau))


def _log_normal(random: Random, mean: float, sigma: float) -> float:
    return random.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)


def _poisson(random: Random, rate: Rate, most: float, seconds: float, service: float) -> Iterator[Call]:
    """Arrivals at a changing rate (thinned from the highest), services that vary exponentially around their mean."""
    for now in takewhile(lambda now: now < seconds, _arrivals(random, most)):
        if random.random() * most < rate(now):
            yield Call(now, random.expovariate(1 / service))


def _arrivals(random: Random, rate: float) -> Iterator[float]:
    now = 0.0
    while True:
        now += random.expovariate(rate)
        yield now

"""When requests come and how long each takes: drawn once, so that every proxy is given the very same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from proxy.simulation.trace import Call

PARETO_ALPHA = 2.2
LONGEST = 50.0  # times the mean: a longer tail would need days until figures settle
SHORT, LONG, LONG_SHARE = 0.5, 5.5, 0.1  # times the mean


def _exponential(random: Random) -> float:
    return random.expovariate(1.0)


def _bimodal(random: Random) -> float:
    return LONG if random.random() < LONG_SHARE else SHORT


def _heavy_tailed(random: Random) -> float:
    return min(LONGEST, _PARETO_SCALE * random.paretovariate(PARETO_ALPHA))


def _pareto_scale() -> float:
    """The least value for which the mean, with the tail cut at LONGEST, is one."""
    scale = 1.0
    for _ in range(60):
        cut = (LONGEST / scale) ** (1 - PARETO_ALPHA)
        scale = (PARETO_ALPHA - 1) / (PARETO_ALPHA - cut)
    return scale


_PARETO_SCALE = _pareto_scale()


DISTRIBUTIONS: Mapping[str, Callable[[Random], float]] = {
    "exponential": _exponential,
    "bimodal": _bimodal,
    "heavy-tailed": _heavy_tailed,
}
"""Each has a mean of one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Poisson arrivals for `servers` that each serve one request at a time; times in seconds."""

    distribution: str
    load: float
    servers: int
    mean_seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.load * self.servers / self.mean_seconds

    def draw(self, count: int, seed: int) -> list[Call]:
        """Requests in the order of their arrival."""
        random, draw = Random(seed), DISTRIBUTIONS[self.distribution]
        calls, now = [], 0.0
        for _ in range(count):
            now += random.expovariate(self.rate)
            calls.append(Call(now, self.mean_seconds * draw(random)))
        return calls

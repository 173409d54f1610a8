"""The metrics of the `target` policy: what is measured at a look, and how many replicas its mean asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.observation import Observation


@dataclass(frozen=True, slots=True)
class Metric:
    """`measure` gives the value since the look before, None where it is not known; `term` takes its mean."""

    measure: Callable[[Observation], float | None]
    term: Callable[[Scaling, float], Term]


def _concurrency(settings: Scaling, demand: float) -> Term:
    """Mean of the requests in flight or queued over replica_concurrency × target %."""
    each = settings.replica_concurrency * settings.target / 100
    return Term("concurrency", round_up(demand / each), f"mean demand {demand:.2f} {_per(settings, f'{each:g}')}")


def _rate(settings: Scaling, rate: float) -> Term:
    why = f"mean rate {rate:.2f} requests per second {_per(settings, f'{settings.target:g}')}"
    return Term("requests_per_second", round_up(rate / settings.target), why)


def _resource(name: str) -> Callable[[Scaling, float], Term]:
    def term(settings: Scaling, used: float) -> Term:
        why = f"ready replicas use {used * 100:.0f} % of one's {name} {_per(settings, f'{settings.target:g} %')}"
        return Term(name, round_up(used * 100 / settings.target), why)

    return term


def _used(ratio: float | None, seen: Observation) -> float | None:
    """Of all ready replicas, in what one may use: ready × mean, so that a replica more changes nothing by itself."""
    return None if ratio is None else ratio * seen.ready


def _per(settings: Scaling, each: str) -> str:
    return f"over {settings.evaluation_interval_seconds:g} s ÷ {each} per replica"


METRICS: Mapping[str, Metric] = {
    "concurrency_utilization": Metric(lambda seen: seen.sample.mean, _concurrency),
    "requests_per_second": Metric(lambda seen: seen.arrival_rate, _rate),
    "cpu_utilization": Metric(lambda seen: _used(seen.cpu_ratio, seen), _resource("cpu")),
    "memory_utilization": Metric(lambda seen: _used(seen.memory_ratio, seen), _resource("memory")),
}


def round_up(value: float) -> int:
    """Ceiling that forgives the rounding of a mean: 3.0000000001 replicas are 3."""
    return math.ceil(value - 1e-6)

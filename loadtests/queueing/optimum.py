"""How long requests wait for the best that can be done without knowing how long they will take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from heapq import heapreplace
from typing import NamedTuple

from queueing.workload import Workload


class Percentiles(NamedTuple):
    """Seconds."""

    p50: float
    p99: float


def central_queue(calls: Iterable[tuple[float, float]], servers: int) -> list[float]:
    """Waits of calls (arrival, service) in one line, first in, first out (Kiefer and Wolfowitz 1955)."""
    free_at = [0.0] * servers
    waits = []
    for arrival, service in calls:
        begin = max(arrival, free_at[0])
        heapreplace(free_at, begin + service)
        waits.append(begin - arrival)
    return waits


def dealt_in_turn(calls: Iterable[tuple[float, float]], servers: int) -> list[float]:
    """Waits where requests are dealt out in turn at once and wait at the server: what a proxy without a limit does."""
    free_at = [0.0] * servers
    waits = []
    for number, (arrival, service) in enumerate(calls):
        server = number % servers
        begin = max(arrival, free_at[server])
        free_at[server] = begin + service
        waits.append(begin - arrival)
    return waits


def waiting_probability(servers: int, load: float) -> float:
    """Erlang's C: the share of requests that wait at all in M/M/c."""
    offered = servers * load
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def exponential_wait(workload: Workload, quantile: float) -> float:
    """M/M/c exactly: P(W > t) = C exp(-(c / mean - rate) t)."""
    share = waiting_probability(workload.servers, workload.load)
    decay = workload.servers / workload.mean_seconds - workload.rate
    return max(0.0, math.log(share / (1 - quantile)) / decay)


def in_theory(workload: Workload, requests: int = 1_000_000) -> Percentiles:
    """M/M/c by formula, others by one long simulated run."""
    if workload.distribution == "exponential":
        return Percentiles(exponential_wait(workload, 0.5), exponential_wait(workload, 0.99))
    waits = central_queue(workload.draw(requests, seed=1), workload.servers)
    return percentiles(waits[requests // 20 :])


def percentiles(waits: Sequence[float]) -> Percentiles:
    ordered = sorted(waits)
    return Percentiles(*(ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)))

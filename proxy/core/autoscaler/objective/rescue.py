"""Reactive starts: replicas for those who wait already, where a start still helps them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from proxy.core.autoscaler.objective.account import Times

# How sure it has to be that a queue will be served in time without a start: 95 %.
_QUANTILE = 1.65
# A start takes at least one look, and services end when they like.
_SLACK_SECONDS = 0.5


class Slots(NamedTuple):
    """`concurrency` of one replica; `ready` and `starting` count replicas."""

    concurrency: int
    ready: int
    starting: int


def served_within(seconds: float, slots: float, service: float) -> float:
    """How many of a line so many busy slots serve in that time, at least with 95 % certainty.

    Ends of services are taken as a Poisson stream: x - z √x of the x expected ones come.
    """
    expected = seconds * slots / service
    root = (-_QUANTILE + math.sqrt(_QUANTILE**2 + 4 * expected)) / 2
    return root * root


def worth_starting(queued: int, slots: Slots, times: Times, price: float) -> int:
    """How many replicas to start for requests that would wait longer than a start takes.

    The number m that makes m · cold start + what waiting is left with m more replicas cheapest.
    """
    late = queued
    if slots.ready:
        late -= int(served_within(times.cold_start, slots.ready * slots.concurrency, times.service) + 1e-9)
    if late <= 0:
        return 0
    cheapest = late * math.sqrt(price * times.service / (2 * slots.concurrency * times.cold_start))
    return max(1, math.ceil(min(late / slots.concurrency, cheapest) - 1e-9))


def just_in_time(waited: Iterable[float], slots: Slots, times: Times, late_seconds: float) -> int:
    """How many to start so that nobody waits longer than `late_seconds`, where a start is faster than that.

    `waited` are the waits so far, the longest first. As late as possible: what ends until then saves a start.
    """
    cold = times.cold_start
    margin = min(1.0, (late_seconds - cold) / 2) + 0.25
    most = 0.0
    for position, so_far in enumerate(waited, start=1):
        left = late_seconds - _SLACK_SECONDS - so_far
        if left > cold + margin:
            break
        left = max(left, cold)
        missing = position - served_within(left, slots.ready * slots.concurrency, times.service)
        most = max(most, missing / (slots.concurrency * (1 + (left - cold) / times.service)))
    count = math.ceil(most - 1e-9)
    return max(count, 1) if not slots.ready + slots.starting else count

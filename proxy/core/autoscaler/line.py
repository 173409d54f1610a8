"""What those who wait in line want: a slot each, unless a busy replica serves them sooner than a new one would."""

from __future__ import annotations

import math
from collections.abc import Iterator

from proxy.config import Scaling
from proxy.core.autoscaler.decision import Term
from proxy.core.autoscaler.observation import Observation

# Of a normal distribution: what a Poisson count stays above in 95 of 100 cases.
_Z = 1.645


def queue_term(settings: Scaling, seen: Observation) -> Term | None:
    """Slots for all who are served, wait or were refused, less those who will be served sooner without a start."""
    refused = seen.sample.refused  # they wait nowhere, yet wanted a slot as much as those in line
    if not seen.queued and not refused:
        return None
    patient = min(seen.queued, served_soon(settings, seen))
    needed = math.ceil((seen.demand + refused - patient) / settings.replica_concurrency)
    why = f"{seen.in_flight} in flight + {seen.queued} queued" + (f" + {refused} refused" if refused else "")
    if patient:
        why += f" - {patient} who get a slot within {_seconds(seen):.3g} s, sooner than from a cold start"
    return Term("queue", needed, f"{why} ÷ {settings.replica_concurrency} per replica")


def served_soon(settings: Scaling, seen: Observation) -> int:
    """How many in line get a slot of a ready replica within one cold start, in 95 of 100 cases.

    A slot becomes free every service time, so `expected` do so in one cold start; as a Poisson count they are with
    95 % at least r, where r + z·√r = expected. Nobody, while nothing was measured yet, or where somebody waits for
    longer than a cold start already: then the measured times say little about now.
    """
    cold = _seconds(seen)
    if not seen.service_seconds or seen.oldest_wait_seconds >= cold:
        return 0
    expected = seen.ready * settings.replica_concurrency * cold / seen.service_seconds
    return int(((math.sqrt(_Z * _Z + 4 * expected) - _Z) / 2) ** 2)


def trigger_terms(settings: Scaling, seen: Observation) -> Iterator[Term]:
    """A line that is too long or too slow is given all slots that it wants at once, whatever the policy thinks."""
    needed = math.ceil(seen.demand / settings.replica_concurrency)
    most, longest = settings.scale_up_queue_length, settings.scale_up_queue_wait_seconds
    if most and seen.queued >= most:
        yield Term("queue_length", needed, f"{seen.queued} queued, from {most} on all get a slot")
    if longest and seen.queued and seen.oldest_wait_seconds >= longest:
        waited = f"the oldest waits {seen.oldest_wait_seconds:.1f} s"
        yield Term("queue_wait", needed, f"{waited}, from {longest:g} s on all get a slot")


def _seconds(seen: Observation) -> float:
    return seen.cold_start.seconds if seen.cold_start else 0.0

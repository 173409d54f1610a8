"""Which requests nobody could have served in time without foresight."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from proxy.simulation.replay import BEGUN_SECONDS, Conditions
from proxy.simulation.trace import Call, busiest


def unforeseeable_share(calls: Sequence[Call], concurrency: int, conditions: Conditions, late_seconds: float) -> float:
    """Of the counted requests, those that are late even if all that was ever needed at once is held for ever.

    Whatever is needed beyond that is started at once, a replica for each. Only who holds more than was ever needed,
    for no reason that the past gives, has fewer late requests.
    """
    held = -(-busiest(calls, BEGUN_SECONDS) // concurrency)
    free = [0.0] * (held * concurrency)
    ends: list[float] = []
    late = counted = 0
    for call in calls:
        while ends and ends[0] <= call.arrival:
            heapq.heappop(ends)
        while len(ends) >= held * concurrency:
            held += 1
            for _ in range(concurrency):
                heapq.heappush(free, call.arrival + conditions.cold_start)
        begin = max(call.arrival, free[0])
        heapq.heapreplace(free, begin + call.service)
        heapq.heappush(ends, begin + call.service)
        counted += call.arrival >= conditions.warm_up
        late += call.arrival >= conditions.warm_up and begin - call.arrival > late_seconds
    return late / max(1, counted)

"""The zero-wait oracle: what no schedule can cost less than in which nobody ever waits."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.simulation.replay import Conditions
from proxy.simulation.trace import Call


def zero_wait_seconds(calls: Sequence[Call], concurrency: int, conditions: Conditions) -> float:
    """Replica-seconds, with full knowledge of the trace.

    Of M = ceil(requests in service, had nobody waited ÷ concurrency) replicas each level costs the time that it is
    busy, and for each gap between, the gap or a cold start, whichever is shorter.
    """
    end = calls[-1].arrival
    steps = sorted([(call.arrival, 1) for call in calls] + [(call.arrival + call.service, -1) for call in calls])
    levels: list[_Level] = []
    in_service = held = 0
    for at, step in steps:
        if at > end:
            break
        in_service += step
        needed = -(-in_service // concurrency)
        while held < needed:
            if held == len(levels):
                levels.append(_Level(conditions))
            levels[held].begin(at)
            held += 1
        while held > needed:
            held -= 1
            levels[held].stop(at)
    for level in levels[:held]:
        level.stop(end)
    return sum(level.seconds for level in levels)


class _Level:
    """The k-th replica: busy from time to time."""

    def __init__(self, conditions: Conditions) -> None:
        self.seconds = 0.0
        self._cold_start = conditions.cold_start
        self._warm_up = conditions.warm_up
        self._free_since = float("-inf")
        self._began = 0.0

    def begin(self, at: float) -> None:
        self._began = at
        self._add(max(self._free_since, at - self._cold_start), at)

    def stop(self, at: float) -> None:
        self._add(self._began, at)
        self._free_since = at

    def _add(self, start: float, end: float) -> None:
        self.seconds += max(0.0, end - max(start, self._warm_up))

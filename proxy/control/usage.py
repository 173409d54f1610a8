"""What the replicas' processes use of the machine."""

from __future__ import annotations

import os

import psutil

from proxy.metrics import Usage

SAMPLE_SECONDS = 2.0


class UsageMeter:
    """CPU time and resident memory by process group, in one pass over the process table."""

    def __init__(self) -> None:
        self._cpu_before: dict[int, tuple[float, float]] = {}  # group → (when, its CPU seconds)

    def sample(self, groups: dict[int, float], now: float) -> dict[int, Usage]:
        """Usage of each group (leader's pid → cores that count as 1.0)."""
        if not groups:
            return {}
        cpu_seconds = dict.fromkeys(groups, 0.0)
        memory = dict.fromkeys(groups, 0)
        for process in psutil.process_iter():
            try:
                group = os.getpgid(process.pid)
                if group in groups:
                    times = process.cpu_times()
                    cpu_seconds[group] += times.user + times.system
                    memory[group] += process.memory_info().rss
            except (psutil.Error, ProcessLookupError):
                continue  # it has just ended
        usage = {
            group: Usage(self._ratio(group, cpu_seconds[group], now) / groups[group], memory[group]) for group in groups
        }
        self._cpu_before = {group: (now, seconds) for group, seconds in cpu_seconds.items()}
        return usage

    def _ratio(self, group: int, seconds: float, now: float) -> float:
        when, before = self._cpu_before.get(group, (now, seconds))
        return max(0.0, (seconds - before) / (now - when)) if now > when else 0.0

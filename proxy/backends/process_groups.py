"""What process groups have used of the machine."""

from __future__ import annotations

import os
from collections.abc import Set

import psutil

from proxy.backends.base import Consumption


def consumption_of(groups: Set[int]) -> dict[int, Consumption]:
    """By group, from one pass over the process table; a group that has ended holds and has used nothing."""
    if not groups:
        return {}
    seconds, memory = dict.fromkeys(groups, 0.0), dict.fromkeys(groups, 0)
    for process in psutil.process_iter():
        try:
            group = os.getpgid(process.pid)
            if group in groups:
                times = process.cpu_times()
                seconds[group] += times.user + times.system
                memory[group] += process.memory_info().rss
        except (psutil.Error, ProcessLookupError):
            continue  # it has just ended
    return {group: Consumption(seconds[group], memory[group]) for group in groups}

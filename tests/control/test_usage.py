"""What a process group uses."""

from __future__ import annotations

import os
import time

from proxy.control.usage import UsageMeter


def test_a_group_s_processor_time_is_a_share_of_its_cores() -> None:
    meter, group = UsageMeter(), os.getpgid(0)
    first = meter.sample({group: 2.0}, 0.0)[group]
    assert first.cpu_ratio == 0.0
    assert first.memory_bytes > 1_000_000
    before = time.process_time()
    while time.process_time() - before < 0.05:
        pass
    assert meter.sample({group: 2.0}, 1.0)[group].cpu_ratio >= 0.02


def test_a_group_that_is_gone_uses_nothing() -> None:
    usage = UsageMeter().sample({2**22 + 1: 1.0}, 0.0)
    assert [(one.cpu_ratio, one.memory_bytes) for one in usage.values()] == [(0.0, 0)]
    assert UsageMeter().sample({}, 0.0) == {}

from __future__ import annotations

import os
import time

from proxy.backends.process_groups import consumption_of


def test_a_group_has_used_what_its_processes_have() -> None:
    group = os.getpgid(0)
    before = consumption_of({group})[group]
    assert before.memory_bytes > 1_000_000
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert consumption_of({group})[group].cpu_seconds >= before.cpu_seconds + 0.03


def test_a_group_that_is_gone_has_used_nothing() -> None:
    gone = 2**22 + 1
    consumed = consumption_of({gone})[gone]
    assert (consumed.cpu_seconds, consumed.memory_bytes) == (0.0, 0)
    assert consumption_of(set()) == {}

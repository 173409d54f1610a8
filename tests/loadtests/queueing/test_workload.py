"""loadtests/queueing/workload.py: the same requests for everybody."""

from __future__ import annotations

import pytest
from queueing.workload import DISTRIBUTIONS, LONGEST, Workload


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_load_is_what_was_asked_for(name: str) -> None:
    calls = Workload(name, 0.95, 8, 0.1).draw(40_000, seed=3)
    busy = sum(call.service for call in calls)
    assert busy / calls[-1].arrival / 8 == pytest.approx(0.95, rel=0.05)
    assert max(call.service for call in calls) <= 0.1 * LONGEST


def test_a_seed_gives_the_same_requests_again() -> None:
    workload = Workload("heavy-tailed", 0.5, 8, 0.1)
    assert workload.draw(10, seed=1) == workload.draw(10, seed=1) != workload.draw(10, seed=2)

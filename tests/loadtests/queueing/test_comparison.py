"""loadtests/queueing/comparison.py: what was waited beside the least that could have been."""

from __future__ import annotations

import pytest
from openloop.result import Sample
from queueing.comparison import Comparison


def sample(due: float, began: float, took: float = 1.0, status: int = 200, replica: str = "1") -> Sample:
    return Sample(due, 0.0, began + took - due, took, status, "", began, replica)


def test_a_run_that_lost_nothing_is_the_optimum() -> None:
    seen = Comparison([sample(0.0, 0.0), sample(0.5, 1.0)], servers=1)
    assert seen.ratio == 1
    assert seen.handover == 0


def test_a_handover_is_what_a_replica_idled_while_somebody_waited() -> None:
    seen = Comparison([sample(0.0, 0.0), sample(0.5, 1.1), sample(9.0, 9.4)], servers=1)
    assert seen.handover == pytest.approx(0.1)
    assert seen.ratio == pytest.approx(0.6 / 0.5)


def test_handovers_explain_a_run_that_lost_nothing_else() -> None:
    seen = Comparison([sample(0.0, 0.0), sample(0.1, 1.1), sample(0.2, 2.2)], servers=1)
    assert seen.ratio_with_handover() == pytest.approx(1)


def test_a_request_that_was_refused_does_not_count() -> None:
    seen = Comparison([sample(0.0, 0.0), sample(0.5, 0.5, status=502)], servers=1)
    assert seen.waits == [0]


def test_there_is_no_ratio_where_nobody_need_wait() -> None:
    assert Comparison([sample(0.0, 0.2)], servers=1).ratio is None


def test_the_interval_holds_the_ratio() -> None:
    seen = Comparison([sample(float(at), float(at) + 0.1 * (at % 7)) for at in range(100)], servers=1)
    low, high = seen.interval()
    assert low <= (seen.ratio or 1) <= high

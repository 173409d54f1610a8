from __future__ import annotations

import numpy as np

from proxy.core.autoscaler.history import MINUTES, History, Minute, Tally
from proxy.core.demand import DemandSample


def test_what_is_not_known_is_no_number() -> None:
    history = History()
    history.add([Minute(100, 2.5, 7), Minute(102, 0.0, 0)])
    past = history.before(103, 4)
    assert np.array_equal(past.demand, np.array([np.nan, 2.5, np.nan, 0], dtype=np.float32), equal_nan=True)
    assert np.array_equal(past.requests, np.array([np.nan, 7, np.nan, 0], dtype=np.float32), equal_nan=True)


def test_four_weeks_are_remembered_and_no_more() -> None:
    history = History()
    history.add(Minute(at, 1.0, at) for at in (5, 6, 6 + MINUTES))
    past = history.before(7 + MINUTES)
    assert len(past.demand) == MINUTES
    assert past.requests[-1] == 6 + MINUTES
    assert np.isfinite(past.demand).sum() == 1


def test_a_minute_told_again_replaces_what_was_told() -> None:
    history = History()
    history.add([Minute(5, 1.0, 1), Minute(5, 2.0, 2)])
    assert history.before(6, 1).demand == [2.0]


def test_a_minute_in_which_the_machine_slept_is_left_out() -> None:
    tally = Tally()
    for second in range(60):
        assert tally.add(600 + second, DemandSample(1.0, 1.0, 0)) is None
    assert tally.add(900, DemandSample(1.0, 1.0, 0)) == Minute(10, 1.0, 0)
    assert tally.add(961, DemandSample(1.0, 1.0, 0)) is None

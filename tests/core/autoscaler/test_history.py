from __future__ import annotations

from dataclasses import replace

import numpy as np

from proxy.core.autoscaler.history import MINUTES, History, Minute, Tally
from proxy.core.autoscaler.observation import Observation
from tests.core.autoscaler.looks import observed


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
        assert tally.add(600 + second, observed(1.0, mean=1.0)) is None
    assert tally.add(900, observed(1.0, mean=1.0)) == Minute(10, 1.0, 0)
    assert tally.add(961, observed(1.0, mean=1.0)) is None


def half_minute(*looks: Observation) -> float:
    """The demand of a minute in which these were the looks."""
    tally = Tally()
    for second, seen in enumerate(looks):
        assert tally.add(600 + second, seen) is None
    tally.add(630, observed(30.0))
    over = tally.add(660, observed(1.0))
    assert over is not None
    return over.demand


def test_a_line_that_grows_while_nothing_is_ready_is_no_demand() -> None:
    """Two requests of half a second come each second: one replica would do, though soon 60 wait."""
    looks = [replace(observed(1.0, queued=2 * second), service_seconds=0.5) for second in range(30)]
    looks = [replace(seen, sample=seen.sample._replace(arrivals=2)) for seen in looks]
    assert half_minute(*looks) == 1


def test_what_is_in_service_counts_however_few_have_come() -> None:
    looks = [replace(observed(1.0, in_flight=4), service_seconds=0.5) for _ in range(30)]
    looks = [replace(seen, sample=seen.sample._replace(arrivals=0)) for seen in looks]
    assert half_minute(*looks) == 4


def test_all_who_wait_count_where_no_service_was_measured_yet() -> None:
    assert half_minute(*[observed(1.0, queued=6) for _ in range(30)]) == 6

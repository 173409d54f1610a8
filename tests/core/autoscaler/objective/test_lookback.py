from __future__ import annotations

import pickle

import pytest

from proxy.core.autoscaler.objective.lookback import Lookback


def filled(count: int) -> Lookback:
    lookback = Lookback(2)
    for number in range(1, count + 1):
        lookback.push((number, -number))
    return lookback


def test_the_lowest_and_highest_of_the_last_rows_are_told() -> None:
    lookback = filled(1500)
    assert lookback.lowest(10) == (1491, -1500)
    assert lookback.highest(10) == (1500, -1491)


def test_where_there_are_fewer_rows_all_count() -> None:
    assert filled(3).lowest(10) == (1, -3)


def test_before_the_first_row_all_are_none() -> None:
    assert filled(0).lowest(10) == filled(0).highest(10) == (0, 0)


def test_a_row_that_repeats_counts_for_each_look() -> None:
    lookback = Lookback(1)
    for row in (5, 2, 3, 3, 3):
        lookback.push((row,))
    assert [lookback.lowest(count) for count in (3, 4, 5)] == [(3,), (2,), (2,)]
    assert [lookback.highest(count) for count in (3, 4, 5)] == [(3,), (3,), (5,)]


def test_a_row_that_never_changes_takes_no_room() -> None:
    lookback = Lookback(1)
    for _ in range(5000):
        lookback.push((7,))
    assert len(pickle.dumps(lookback)) < 500


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 3000])
def test_a_copy_goes_on_as_the_first_does(count: int) -> None:
    first = filled(count)
    copy: Lookback = pickle.loads(pickle.dumps(first))
    for row in range(1100):
        first.push((row % 7 + 1, row % 5 + 1))
        copy.push((row % 7 + 1, row % 5 + 1))
        assert copy.lowest(row + 2) == first.lowest(row + 2)

from __future__ import annotations

from random import Random

import pytest

from proxy.core.window import MaxWindow, MeanWindow


def test_an_empty_window_has_the_mean_zero() -> None:
    assert MeanWindow(30).mean(5) == 0


def test_the_mean_counts_each_sample_for_its_time() -> None:
    window = MeanWindow(30).add(1, 1, 10).add(10, 9, 0)
    assert window.mean(10) == 1


def test_before_the_span_is_full_the_mean_is_over_what_there_is() -> None:
    assert MeanWindow(30).add(2, 2, 4).mean(2) == 4


def test_only_the_part_of_a_sample_inside_the_span_counts() -> None:
    window = MeanWindow(10).add(8, 8, 5).add(14, 6, 0)
    assert window.mean(14) == pytest.approx((8 - 4) * 5 / 10)


def test_old_samples_are_forgotten() -> None:
    window = MeanWindow(10).add(1, 1, 100).add(11, 10, 2)
    assert window.mean(11) == 2
    assert window == MeanWindow(10).add(11, 10, 2)


def test_a_sample_of_no_time_changes_nothing() -> None:
    assert MeanWindow(10).add(5, 0, 1000) == MeanWindow(10)


def test_samples_at_every_event_are_merged_without_changing_the_mean() -> None:
    random, window, samples = Random(1), MeanWindow(60.0), []
    now = 0.0
    for _ in range(5000):
        seconds, mean = random.expovariate(100), random.uniform(0, 50)
        now += seconds
        window = window.add(now, seconds, mean)
        samples.append((seconds, mean))
    assert window.mean(now) == pytest.approx(sum(s * mean for s, mean in samples) / now)
    assert len(window._ends) <= 130


def test_the_maximum_holds_for_the_span_after_it_was_replaced() -> None:
    window = MaxWindow(60).add(-100, 3).add(0, 1)
    assert [window.add(now, 1).max for now in (0, 59, 60)] == [3, 3, 1]


def test_after_the_highest_the_next_lower_one_counts() -> None:
    window = MaxWindow(10).add(0, 5).add(4, 3).add(8, 1)
    assert [window.add(now, 1).max for now in (13, 14, 17, 18)] == [5, 3, 3, 1]


def test_a_new_maximum_counts_at_once() -> None:
    assert MaxWindow(10).add(0, 2).add(1, 1).add(2, 7).max == 7


def test_a_number_that_stays_makes_no_other_window() -> None:
    window = MaxWindow(10, 3)
    assert window.add(5, 3) is window


def test_a_span_of_zero_keeps_nothing() -> None:
    assert MaxWindow(0).add(0, 9).add(0, 1).max == 1


def test_adding_makes_another_window() -> None:
    mean, maximum = MeanWindow(10).add(1, 1, 1), MaxWindow(10).add(1, 1)
    mean.add(2, 1, 5)
    maximum.add(2, 5)
    assert (mean.mean(1), maximum.max) == (1, 1)


def test_the_maximum_agrees_with_every_value_kept() -> None:
    random, window, held, now = Random(1), MaxWindow(5.0), [(0.0, 0)], 0.0
    for _ in range(500):
        now += random.expovariate(2)
        value = random.randrange(10)
        window = window.add(now, value)
        held.append((now, value))
        # A value held until the next one began.
        ended = [until for until, _ in held[1:]]
        assert window.max == max(value, *(old for (_, old), end in zip(held, ended, strict=False) if end > now - 5))


def test_another_span_keeps_what_is_known() -> None:
    mean = MeanWindow(10.0).add(10.0, 10.0, 4.0).add(20.0, 10.0, 2.0)
    assert (mean.spanning(5.0).mean(20.0), mean.spanning(20.0).add(30.0, 10.0, 1.0).mean(30.0)) == (2.0, 1.5)
    highest = MaxWindow(10.0, 5).add(0.0, 3).spanning(30.0)
    assert (highest.add(20.0, 2).max, highest.spanning(4.0).add(20.0, 2).max) == (5, 3)

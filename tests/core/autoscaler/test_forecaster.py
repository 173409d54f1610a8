"""Forecasts of an app with habits, at given times of given days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.forecaster import Forecaster
from tests.core.autoscaler.days import MONDAY, Curve, lived, minute_of, office_hours
from tests.core.autoscaler.looks import observed

NINE = timedelta(days=5, hours=9)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


class Watcher:
    """Five days of a habit, and then looks."""

    def __init__(self, habit: Curve = office_hours, days: float = 5) -> None:
        self.forecaster = Forecaster(UTC)
        self.forecaster.history.add(lived(MONDAY, days, habit))
        self.learn(MONDAY + timedelta(days=days))

    def learn(self, wall: datetime) -> None:
        self.forecaster.learn(self.forecaster.fit(wall), wall)

    def at(self, since: timedelta, cold_start: float = 45) -> Forecast:
        seen = replace(observed(0.0), wall=MONDAY + since, cold_start=ColdStart(cold_start))
        forecast = self.forecaster.look(seen)
        assert forecast is not None
        return forecast

    def lives(self, first: timedelta, end: timedelta, curve: Curve) -> None:
        self.forecaster.history.add(lived(MONDAY + first, (end - first) / timedelta(days=1), curve))


def test_demand_is_expected_one_cold_start_and_a_little_ahead() -> None:
    watcher = Watcher()
    assert watcher.at(NINE - minutes(1.1)).demand == 0
    assert watcher.at(NINE - minutes(1)).demand == 10
    assert watcher.at(NINE - minutes(1)).requests_per_second * 60 == 100
    assert watcher.at(NINE - minutes(10), cold_start=600).demand == 10
    assert watcher.at(NINE - minutes(1)).ahead_seconds == 60


def test_what_is_expected_until_then_counts_too() -> None:
    """A burst of a minute, and a start that takes longer than that: the replica is not given up on its way."""
    watcher = Watcher(lambda moment: 10.0 * (moment.hour == 9 and not moment.minute))
    assert [watcher.at(NINE + minutes(since), cold_start=165).demand for since in (-3.1, -3, -1, 0.9, 1)] == [
        0, 10, 10, 10, 0,
    ]  # fmt: skip


def test_without_a_measured_start_a_minute_is_assumed() -> None:
    watcher = Watcher()
    forecast = watcher.forecaster.look(replace(observed(0.0), wall=MONDAY + NINE - minutes(1.25)))
    assert forecast is not None
    assert forecast.demand == 10


def test_without_history_nothing_is_expected() -> None:
    forecaster = Forecaster(UTC)
    assert forecaster.stale(MONDAY)
    forecaster.learn(forecaster.fit(MONDAY), MONDAY)
    assert forecaster.look(replace(observed(0.0), wall=MONDAY)) is None


# Whether the habit holds


def test_a_habit_is_refuted_by_requests_that_stay_away() -> None:
    watcher = Watcher()
    watcher.lives(timedelta(days=5), NINE + minutes(10), lambda _: 0.0)
    came = [watcher.at(NINE + minutes(since)).came for since in (0, 2, 2.9, 3)]
    assert came == [1, 1, 1, 0]
    assert watcher.at(NINE + minutes(3)).demand == 0
    assert watcher.at(NINE + minutes(3)).requests_per_second == 0


def test_half_of_what_was_expected_means_half_of_what_is() -> None:
    watcher = Watcher()
    watcher.lives(timedelta(days=5), NINE + minutes(30), lambda moment: office_hours(moment) / 2)
    forecast = watcher.at(NINE + minutes(30))
    assert (forecast.came, forecast.demand) == (0.5, 5)


def test_a_habit_that_is_two_minutes_late_still_holds() -> None:
    watcher = Watcher()
    watcher.lives(timedelta(days=5), NINE + minutes(6), lambda moment: office_hours(moment - minutes(2)))
    assert {watcher.at(NINE + minutes(since)).came for since in range(6)} == {1}


def test_few_requests_are_waited_for_longer() -> None:
    """One in five minutes: five of them are due after 25 minutes, and two late ones are allowed for."""
    watcher = Watcher(lambda moment: 0.1 * (office_hours(moment) > 0 and not moment.minute % 5))
    watcher.lives(timedelta(days=5), NINE + minutes(60), lambda _: 0.0)
    assert [watcher.at(NINE + minutes(since)).came for since in (20, 30)] == [1, 0]


def test_minutes_that_nobody_saw_refute_nothing() -> None:
    watcher = Watcher()
    assert watcher.at(NINE + minutes(60)).came == 1


def test_a_habit_holds_again_when_its_requests_come() -> None:
    watcher = Watcher()
    watcher.lives(timedelta(days=5), NINE + minutes(30), lambda _: 0.0)
    watcher.lives(NINE + minutes(30), NINE + minutes(40), office_hours)
    assert watcher.at(NINE + minutes(30)).came == 0
    assert watcher.at(NINE + minutes(33)).came == 1


# How today differs


def test_a_day_that_is_busier_is_expected_to_stay_so_as_such_days_did() -> None:
    watcher = Watcher(lambda moment: office_hours(moment) * (1 + moment.day % 2))
    usual = watcher.at(NINE + timedelta(hours=1)).demand
    watcher.lives(timedelta(days=5), NINE + timedelta(hours=1), lambda moment: office_hours(moment) * 2.5)
    watcher.learn(MONDAY + NINE + timedelta(hours=1))
    assert 22 < watcher.at(NINE + timedelta(hours=1)).demand <= 26
    assert usual < 17


def test_where_nothing_is_usual_an_error_is_not_carried() -> None:
    watcher = Watcher(lambda moment: office_hours(moment) * (1 + moment.day % 2))
    watcher.lives(timedelta(days=5), timedelta(days=5, hours=3), lambda _: 50.0)
    assert watcher.at(timedelta(days=5, hours=3)).demand == 0


# What is noted


def test_every_finished_minute_is_noted_with_its_peak_and_its_requests() -> None:
    watcher = Watcher(days=0)
    forecaster = watcher.forecaster
    for second in range(1, 122):
        busy = 90 <= second < 120
        forecaster.look(replace(observed(1.0, 6 * busy), wall=MONDAY + timedelta(seconds=second)))
    start = minute_of(MONDAY)
    assert [(minute.at - start, minute.requests) for minute in forecaster.minutes] == [(0, 0), (1, 180)]
    assert forecaster.minutes[1].demand == 6


def test_a_minute_that_was_half_missed_is_left_out() -> None:
    forecaster = Forecaster(UTC)
    for second in range(31, 122):
        forecaster.look(replace(observed(1.0, 1), wall=MONDAY + timedelta(seconds=second)))
    assert [minute.at for minute in forecaster.minutes] == [minute_of(MONDAY) + 1]


def test_habits_are_looked_for_every_hour_and_when_the_clock_was_set_back() -> None:
    watcher = Watcher()
    learned = MONDAY + timedelta(days=5)
    times = [minutes(0), minutes(59), minutes(60), minutes(-1)]
    assert [watcher.forecaster.stale(learned + since) for since in times] == [False, False, True, True]

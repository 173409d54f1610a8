"""Habits, found in synthetic days and weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from zoneinfo import ZoneInfo

import pytest

from proxy.core.autoscaler.history import History
from proxy.core.autoscaler.season import Season, fit, local_minutes
from tests.core.autoscaler.days import MONDAY, history, lived, minute_of, office_hours, on_weekdays

BERLIN = ZoneInfo("Europe/Berlin")


def season_at(moment: datetime, past: History, zone: tzinfo = UTC) -> Season:
    season = fit(past.before(minute_of(moment)), zone, 2)
    assert season is not None
    return season


def expected(season: Season, moment: datetime) -> float:
    (place,) = season.places(minute_of(moment), minute_of(moment) + 1)
    return float(season.demand[place])


def day(number: float) -> datetime:
    """So many days after a Monday."""
    return MONDAY + timedelta(days=number)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_one_day_makes_a_habit() -> None:
    season = season_at(day(1), history(MONDAY, 1, office_hours))
    assert season.days == 1
    assert [expected(season, day(1) + hours(hour)) for hour in (8.9, 9, 16.9, 17)] == [0, 10, 10, 0]
    assert expected(season, day(2) + hours(12)) == 10


def test_without_a_day_before_there_is_no_habit() -> None:
    assert fit(history(MONDAY, 0.9, office_hours).before(minute_of(day(0.9))), UTC, 2) is None


def test_weekends_differ_from_weekdays() -> None:
    past = history(MONDAY, 21, on_weekdays)
    monday, saturday = season_at(day(21), past), season_at(day(19), past)
    assert expected(monday, day(21) + hours(9)) == 10
    assert expected(saturday, day(19) + hours(9)) == 0


def test_what_holds_every_week_at_the_same_time_is_a_habit_too() -> None:
    past = history(MONDAY, 21, lambda moment: 5.0 * (moment.weekday() == 2 and moment.hour == 6))
    assert expected(season_at(day(16), past), day(16) + hours(6.5)) == 5
    assert expected(season_at(day(17), past), day(17) + hours(6.5)) == 0


def test_one_accident_is_no_habit() -> None:
    past = history(MONDAY, 5, lambda moment: 100.0 if moment.day == 4 and moment.hour == 12 else office_hours(moment))
    assert expected(season_at(day(5), past), day(5) + hours(12)) == 10


def test_what_happens_on_fewer_than_half_of_the_days_is_not_expected() -> None:
    past = history(MONDAY, 14, lambda moment: 4.0 * (moment.hour == 3 and moment.day % 4 == 0))
    assert expected(season_at(day(14), past), day(14) + hours(3.5)) == 0


def test_requests_that_come_at_any_minute_of_an_hour_are_expected_in_that_hour() -> None:
    def now_and_then(moment: datetime) -> float:
        return 1.0 if moment.hour == 10 and moment.minute % 8 == moment.day % 8 else 0.0

    season = season_at(day(14), history(MONDAY, 14, now_and_then))
    assert 0 < min(expected(season, day(14) + hours(10) + timedelta(minutes=minute)) for minute in range(6, 54)) < 1


def test_recent_days_count_more() -> None:
    past = history(MONDAY, 10, lambda moment: float(moment.day))
    assert 6.5 < expected(season_at(day(10), past), day(10) + hours(1)) < 9


def test_what_is_not_known_is_not_zero() -> None:
    past = history(MONDAY, 1, office_hours)
    past.add(lived(day(4), 0.5, office_hours))
    season = season_at(day(4.5), past)
    assert expected(season, day(4) + hours(15)) == 10


# A change of the clock


@pytest.mark.parametrize(
    ("first", "changed"),
    [
        (datetime(2024, 3, 28, tzinfo=UTC), datetime(2024, 3, 31, tzinfo=UTC)),
        (datetime(2024, 10, 24, tzinfo=UTC), datetime(2024, 10, 27, tzinfo=UTC)),
    ],
)
def test_habits_follow_the_clock_on_the_wall(first: datetime, changed: datetime) -> None:
    past = history(first, 3.9, office_hours, BERLIN)
    before_nine = changed.astimezone(BERLIN).replace(hour=8, minute=59) + timedelta(days=1)
    for season in (season_at(changed, past, BERLIN), season_at(changed + hours(21), past, BERLIN)):
        assert expected(season, before_nine - timedelta(days=1)) == 0
        assert expected(season, before_nine - timedelta(days=1, minutes=-1)) == 10
    assert expected(season, before_nine) == 0
    assert expected(season, before_nine + timedelta(minutes=1)) == 10


def test_an_hour_that_is_skipped_is_forecast_from_the_days_that_had_it() -> None:
    past = history(datetime(2024, 3, 30, tzinfo=UTC), 2, lambda moment: 3.0, BERLIN)
    skipped = datetime(2024, 4, 1, 2, 30, tzinfo=BERLIN)
    assert expected(season_at(skipped - hours(1), past, BERLIN), skipped) == 3


@pytest.mark.parametrize("busier", [0, 1])
def test_an_hour_that_comes_twice_counts_by_its_busier_half(busier: int) -> None:
    first = datetime(2024, 10, 26, 22, tzinfo=UTC)
    past = history(first, 1.1, lambda moment: 7.0 if moment.hour == 2 and moment.fold == busier else 1.0, BERLIN)
    season = season_at(first + hours(26), past, BERLIN)
    assert expected(season, datetime(2024, 10, 28, 2, 30, tzinfo=BERLIN)) == 7


def test_the_local_clock_is_that_of_the_time_zone() -> None:
    first = minute_of(datetime(2024, 3, 31, 0, 59, tzinfo=UTC))
    local = local_minutes(first, first + 2, BERLIN)
    assert [minute % 1440 for minute in local] == [119, 180]


# How today differs


def test_an_error_that_used_to_last_is_carried_on() -> None:
    past = history(MONDAY, 10, lambda moment: office_hours(moment) * (1 + moment.day % 2))
    assert season_at(day(10), past).carry > 0.9


def test_an_error_that_used_to_pass_is_not() -> None:
    noise = Random(1)
    past = history(MONDAY, 6, lambda _: noise.expovariate(1))
    assert season_at(day(6), past).carry < 0.2

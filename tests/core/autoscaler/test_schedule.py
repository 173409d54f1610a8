"""Which rule holds when: overnight ranges and clock changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from proxy.config import ScheduleRule
from proxy.core.autoscaler.schedule import holds, rule_at


def rule(**given: object) -> ScheduleRule:
    return ScheduleRule.model_validate({"min_replicas": 2} | given)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WORK = {"days": ["mon-fri"], "start": "08:00", "end": "18:30"}
NIGHT = {"days": ["fri"], "start": "22:00", "end": "06:00"}


@pytest.mark.parametrize(
    ("given", "moment", "expected"),
    [
        (WORK, "2026-06-01 07:59:59", False),  # a Monday
        (WORK, "2026-06-01 08:00:00", True),
        (WORK, "2026-06-01 18:29:59", True),
        (WORK, "2026-06-01 18:30:00", False),
        (WORK, "2026-06-06 12:00:00", False),  # Saturday
        (NIGHT, "2026-06-05 21:59:59", False),  # Friday
        (NIGHT, "2026-06-05 22:00:00", True),
        (NIGHT, "2026-06-06 05:59:59", True),  # its night reaches into Saturday
        (NIGHT, "2026-06-06 06:00:00", False),
        (NIGHT, "2026-06-05 03:00:00", False),  # Thursday's night
        (NIGHT, "2026-06-06 22:00:00", False),  # Saturday's
        ({}, "2026-06-06 22:00:00", True),  # all day, every day
        ({"days": "sun", "start": "12:00"}, "2026-06-07 23:59:59", True),  # until 24:00
        ({"days": "sun", "start": "12:00"}, "2026-06-08 00:00:00", False),
    ],
)
def test_a_rule_holds_from_start_to_end_on_its_days(given: dict[str, object], moment: str, expected: bool) -> None:
    assert holds(rule(**given), utc(moment)) is expected


def test_a_rule_goes_by_the_clock_of_its_zone_in_summer_and_winter() -> None:
    berlin = rule(**WORK, timezone="Europe/Berlin")
    assert [holds(berlin, utc(moment)) for moment in ("2026-07-01 05:59", "2026-07-01 06:00")] == [False, True]
    assert [holds(berlin, utc(moment)) for moment in ("2026-12-01 06:59", "2026-12-01 07:00")] == [False, True]


def held(given: ScheduleRule, since: str, hours: int) -> list[tuple[str, str]]:
    """From when to when (UTC) the rule holds, asked every minute."""
    found: list[tuple[str, str]] = []
    began = ""
    for minute in range(hours * 60):
        moment = utc(since) + timedelta(minutes=minute)
        if holds(given, moment) and not began:
            began = moment.strftime("%H:%M")
        elif began and not holds(given, moment):
            found.append((began, moment.strftime("%H:%M")))
            began = ""
    return found


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("22:00", "06:00", ("21:00", "04:00")),  # an hour less of the night
        ("02:30", "04:00", ("01:30", "02:00")),  # 02:30 is skipped: it is 03:30 then
        ("02:15", "02:45", ("01:15", "01:45")),  # skipped whole: an hour later
        ("01:00", "02:30", ("00:00", "01:30")),
    ],
)
def test_when_clocks_are_set_forward(start: str, end: str, expected: tuple[str, str]) -> None:
    """In Berlin on 29 March 2026 the clock goes from 02:00 to 03:00, at 01:00 UTC."""
    assert held(rule(days="sat-sun", start=start, end=end, timezone="Europe/Berlin"), "2026-03-28 18:00", 12) == [
        expected
    ]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("22:00", "06:00", ("20:00", "05:00")),  # an hour more of the night
        ("02:30", "04:00", ("00:30", "03:00")),  # from the first 02:30 on
        ("22:00", "02:30", ("20:00", "00:30")),  # until the first 02:30, and not once more
        ("02:15", "02:45", ("00:15", "00:45")),
    ],
)
def test_when_clocks_are_set_back(start: str, end: str, expected: tuple[str, str]) -> None:
    """In Berlin on 25 October 2026 the clock goes from 03:00 to 02:00, at 01:00 UTC."""
    assert held(rule(days="sat-sun", start=start, end=end, timezone="Europe/Berlin"), "2026-10-24 18:00", 12) == [
        expected
    ]


def test_a_moment_may_be_told_by_the_clock_of_the_rule_itself() -> None:
    """Datetimes of one zone would be compared by that clock, which shows 02:10 twice."""
    berlin = rule(start="01:00", end="02:30", timezone="Europe/Berlin")
    moments = [utc(f"2026-10-25 {clock}").astimezone(berlin.timezone) for clock in ("00:10", "01:10")]
    assert [holds(berlin, moment) for moment in moments] == [True, False]


def test_the_first_rule_that_holds_wins() -> None:
    rules = (rule(**NIGHT), rule(min_replicas=5, **WORK), rule())
    assert [rule_at(rules, utc(f"2026-06-0{moment}")) for moment in ("5 23:00", "1 12:00", "1 20:00")] == list(rules)
    assert rule_at(rules[:2], utc("2026-06-01 20:00")) is None

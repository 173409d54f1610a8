"""Rules of [[tidegate.scaling.schedule]]."""

from __future__ import annotations

from datetime import time

import pytest

from proxy.config import ScheduleRule
from proxy.errors import ConfigError
from tests.config.example import config


def rule(text: str) -> ScheduleRule:
    return config(f"[[tidegate.scaling.schedule]]\n{text}").scaling.schedule[0]


def test_rule_of_one_limit_holds_always() -> None:
    found = rule("min_replicas = 1")
    assert (found.days, found.start, found.end) == (frozenset(range(7)), time(0), time(0))
    assert (str(found.timezone), found.min_replicas, found.max_replicas) == ("UTC", 1, None)


@pytest.mark.parametrize(
    ("days", "numbers"),
    [
        ('["mon", "Friday"]', {0, 4}),
        ('["mon-wed", "sun"]', {0, 1, 2, 6}),
        ('"sat-mon"', {5, 6, 0}),
        ('"tuesday"', {1}),
    ],
)
def test_days(days: str, numbers: set[int]) -> None:
    assert rule(f"max_replicas = 1\ndays = {days}").days == numbers


@pytest.mark.parametrize(
    ("written", "clock"),
    [('"08:30"', time(8, 30)), ('"8:30"', time(8, 30)), ('"24:00"', time(0)), ("22:15:00", time(22, 15))],
)
def test_clock(written: str, clock: time) -> None:
    assert rule(f"max_replicas = 1\nstart = {written}").start == clock


def test_rule_may_last_over_midnight() -> None:
    found = rule('start = "22:00"\nend = "06:00"\ntimezone = "Europe/Berlin"\nmax_replicas = 1')
    assert (found.start, found.end, str(found.timezone)) == (time(22), time(6), "Europe/Berlin")


def test_rules_keep_their_order() -> None:
    text = "[[tidegate.scaling.schedule]]\nmin_replicas = 1\n[[tidegate.scaling.schedule]]\nmin_replicas = 0\n"
    assert [found.min_replicas for found in config(text).scaling.schedule] == [1, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('days = ["mo"]', r'schedule\[0\].days must name days as "mon" or "mon-fri", not "mo"'),
        ("days = []", "days must be a list of days"),
        ("days = 1", "must be a list of days"),
        ('start = "24:30"', 'start is "24:30", but must be a time from "00:00" to "24:00"'),
        ('end = "nine"', "must be a time"),
        ("end = 9", "must be a time"),
        ('timezone = "Europe/Berln"', 'did you mean "Europe/Berlin"'),
        ('timezone = "Europe"', "must be a time zone"),
        ('timezone = "../x"', "must be a time zone"),
        ("min_replicas = -1", "min_replicas is -1, but must be from 0 to 2000"),
        ("max_replicas = 0", "max_replicas is 0, but must be from 1 to 2000"),
        ("max_replicas = 2001", "max_replicas is 2001, but must be from 1 to 2000"),
        ("min_replicas = 3\nmax_replicas = 2", "must be at least min_replicas, which is 3"),
        ('start = "08:00"', "max_replicas must be given, or min_replicas, or both"),
        ("min_replicas = 2", r"while \[0\] holds they are 1 and 2: give that rule both"),
    ],
)
def test_wrong_rule(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rule(text)

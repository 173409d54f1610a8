"""Which rule of the schedule holds at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from proxy.config.schedule import ScheduleRule

_DAY = timedelta(days=1)


def rule_at(rules: Sequence[ScheduleRule], wall: datetime) -> ScheduleRule | None:
    """The first rule that holds at `wall` (aware)."""
    return next((rule for rule in rules if holds(rule, wall)), None)


def holds(rule: ScheduleRule, wall: datetime) -> bool:
    """From its start on the day on which it starts to its end, both by the rule's clock."""
    today = wall.astimezone(rule.timezone).date()
    return any(day.weekday() in rule.days and _covers(rule, day, wall) for day in (today, today - _DAY))


def _covers(rule: ScheduleRule, day: date, wall: datetime) -> bool:
    last_day = day if rule.end > rule.start else day + _DAY
    return _moment(rule, day, rule.start) <= wall < _moment(rule, last_day, rule.end)


def _moment(rule: ScheduleRule, day: date, clock: time) -> datetime:
    """In UTC, since datetimes of one zone are compared by their clock, which a change of it sets back.

    A time that comes twice is its first; one that is skipped is as much later as the clock was set forward (PEP 495).
    """
    return datetime.combine(day, clock, rule.timezone).astimezone(UTC)

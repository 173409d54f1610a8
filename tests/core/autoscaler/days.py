"""Synthetic days: an app's history from a curve over the time of day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from proxy.core.autoscaler.history import History, Minute

HOUR, DAY = 60, 24 * 60
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)

Curve = Callable[[datetime], float]  # local time → demand


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp() // 60)


def lived(first: datetime, days: float, curve: Curve, zone: tzinfo = UTC) -> Iterator[Minute]:
    """Every minute of so many days of 24 hours; each request takes six seconds."""
    for step in range(int(days * DAY)):
        moment = first + timedelta(minutes=step)
        demand = curve(moment.astimezone(zone))
        yield Minute(minute_of(moment), demand, round(demand * 10))


def history(first: datetime, days: float, curve: Curve, zone: tzinfo = UTC) -> History:
    past = History()
    past.add(lived(first, days, curve, zone))
    return past


def office_hours(moment: datetime) -> float:
    """Ten requests at once from nine to five."""
    return 10.0 if 9 <= moment.hour < 17 else 0.0


def on_weekdays(moment: datetime) -> float:
    return office_hours(moment) if moment.weekday() < 5 else 0.0

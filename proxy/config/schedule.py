"""One rule of [[tidegate.scaling.schedule]]: other limits for the number of replicas at certain hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from proxy.config.sentences import did_you_mean
from proxy.config.table import Table, Whole, written

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = {spelling: number for number, name in enumerate(WEEK) for spelling in (name, name[:3])}


def _days(value: object) -> object:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError('must be a list of days, such as ["sat", "sun"] or ["mon-fri"]')
    return frozenset(day for word in words for day in _span(str(word)))


def _span(word: str) -> Iterator[int]:
    first, dash, last = word.lower().partition("-")
    start, end = DAYS.get(first.strip()), DAYS.get((last if dash else first).strip())
    if start is None or end is None:
        raise ValueError(f'must name days as "mon" or "mon-fri", not "{word}"')
    return ((start + step) % 7 for step in range((end - start) % 7 + 1))


def _clock(value: object) -> object:
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)|(24):(00)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a time from "00:00" to "24:00"')
    return time(int(found[1] or 0), int(found[2] or 0))


def _zone(value: object) -> object:
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError) as error:
        hint = did_you_mean(str(value), available_timezones())
        raise ValueError(f'must be a time zone such as "Europe/Berlin"{hint}') from error


Clock = Annotated[time, BeforeValidator(_clock)]
Limit = Whole | None


class ScheduleRule(Table):
    """Holds from `start` to `end` local time on `days` (0 is Monday), the day on which it starts.

    An `end` that is not after `start` belongs to the next day. None leaves that limit as it is.
    """

    days: Annotated[frozenset[int], BeforeValidator(_days)] = written("mon-sun")
    start: Clock = written("00:00")
    end: Clock = written("24:00")
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = written("UTC")
    min_replicas: Limit = Field(default=None, ge=0, le=2000)
    max_replicas: Limit = Field(default=None, ge=1, le=2000)

    @field_validator("max_replicas")
    @classmethod
    def _limits_something(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_replicas")
        if most is None and least is None and "min_replicas" in info.data:
            raise ValueError("must be given, or min_replicas, or both")
        if most is not None and least is not None and most < least:
            raise ValueError(f"must be at least min_replicas, which is {least}")
        return most

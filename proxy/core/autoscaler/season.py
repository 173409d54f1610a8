"""The app's habits by time of day and day of the week, found in weeks of minutes.

A seasonal forecast with a correction for how today differs, as J. W. Taylor, "Exponentially weighted methods for
forecasting intraday time series with multiple seasonal cycles", International Journal of Forecasting 26 (2010): both
cycles are exponentially weighted means, and the last errors are carried on as far as errors have lasted before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from proxy.core.autoscaler.history import Past, Series

DAY = 24 * 60
WEEK = 7
_DAYS_BACK = 14
_WEEKS_BACK = 4
_WEIGHT = 0.8  # of a day or week against the one after it: half of the weight is on the last three
_DAYS_JUDGED = 7
# What does not happen on at least half of the days is not expected.
_USUAL = 0.5
_AROUND = 5  # minutes before and after that are "about that time"
ERROR_MINUTES = 5  # an error is the mean of so many minutes
# The clock is set at whole quarters of an hour, in UTC, in every time zone.
_STEP = 15

Grid = NDArray[np.float32]  # day × minute of the day
_Judged = tuple[Series, Series, Series]  # what came on a day, and what either cycle says of it from the days before


@dataclass(frozen=True, slots=True)
class Season:
    """What is expected of yesterday, today and tomorrow by local time; 0 where nothing is usual, or known.

    `carry` is the share of an error that lasts one lead longer. `days` of history are behind it.
    """

    zone: tzinfo
    first: int  # local minute since 1970 of the first value
    demand: Series
    requests: Series
    carry: float
    days: int

    def places(self, first: int, end: int) -> NDArray[np.int64]:
        """Where the minutes from `first` to before `end` (UTC) stand; the nearest where the clock is beyond them."""
        places = local_minutes(first, end, self.zone) - self.first
        return np.clip(places, 0, len(self.demand) - 1)


def fit(past: Past, zone: tzinfo, lead_minutes: int) -> Season | None:
    """The habits at `past.end`; None with no history of a day before. Takes some ten milliseconds."""
    local = local_minutes(past.end - len(past.demand), past.end + 1, zone)
    first, today = int(local[0]) // DAY, int(local[-1]) // DAY
    places, count = local[:-1] - first * DAY, today - first + 2
    demand, requests = (_Days.of(series, places, count) for series in (past.demand, past.requests))
    now = today - first
    days = int(np.isfinite(demand.values[:now]).any(axis=1).sum())
    if not days:
        return None
    judged = [demand.judged(day) for day in range(max(0, now - _DAYS_JUDGED), now + 1)]
    share = _weekly_share(judged)
    usual = requests.with_any().expected(now, share) >= _USUAL
    return Season(
        zone,
        (today - 1) * DAY,
        np.where(usual, demand.expected(now, share), np.float32(0)).ravel(),
        np.where(usual, requests.expected(now, share), np.float32(0)).ravel(),
        _carry(judged, share, lead_minutes),
        days,
    )


@dataclass(frozen=True, slots=True)
class _Days:
    """A row for each day; `near` has the largest value within some minutes of each."""

    values: Grid
    near: Grid

    @classmethod
    def of(cls, series: Series, places: NDArray[np.int64], count: int) -> _Days:
        """An hour that the clock skips stays unknown; of one that comes twice the larger value counts."""
        flat = np.full(count * DAY, -np.inf, dtype=np.float32)
        known = np.isfinite(series)
        np.maximum.at(flat, places[known], series[known])
        around = sliding_window_view(np.pad(flat, _AROUND, constant_values=-np.inf), 2 * _AROUND + 1).max(axis=1)
        values = np.where(np.isfinite(flat), flat, np.float32(np.nan))
        return cls(values.reshape(count, DAY), around.reshape(count, DAY))

    def with_any(self) -> _Days:
        """1 where there is anything within some minutes, 0 where there is nothing."""
        near = (self.near > 0).astype(np.float32)
        return _Days(np.where(np.isfinite(self.values), near, np.float32(np.nan)), near)

    def expected(self, now: int, weekly_share: float) -> Grid:
        """Of the days `now` - 1 to `now` + 1, each from the days before it."""
        return np.stack([_blend(*self.judged(day)[1:], weekly_share) for day in (now - 1, now, now + 1)])

    def judged(self, day: int) -> _Judged:
        daily = self._mean([day - back for back in range(1, _DAYS_BACK + 1) if day >= back])
        weekly = self._mean([day - WEEK * back for back in range(1, _WEEKS_BACK + 1) if day >= WEEK * back])
        return self.values[day], daily, weekly

    def _mean(self, days: list[int]) -> Series:
        """Of days from the newest to the oldest, each of them counting less than the one before."""
        rows = self.values[days]
        known = np.isfinite(rows)
        weights = np.where(known, _WEIGHT ** np.arange(len(days))[:, None], 0.0)
        total = weights.sum(axis=0)
        sums = (weights * np.nan_to_num(np.minimum(rows, self._cap(days, known)))).sum(axis=0)
        mean: Series = np.divide(sums, total, out=np.full(DAY, np.nan), where=total > 0).astype(np.float32)
        return mean

    def _cap(self, days: list[int], known: NDArray[np.bool_]) -> Series | float:
        """What only one day of three or more had at about that time is an accident, not a habit."""
        if len(days) < 3:
            return math.inf
        second = np.partition(self.near[days], -2, axis=0)[-2]
        return np.where(known.sum(axis=0) < 3, np.float32(np.inf), second)


def local_minutes(first: int, end: int, zone: tzinfo) -> NDArray[np.int64]:
    """The minutes from `first` to before `end` (UTC) as the local clock counts them."""
    steps = np.arange(first // _STEP, (end - 1) // _STEP + 1)
    offsets = [_offset_minutes(int(step) * _STEP, zone) for step in steps]
    minutes = np.arange(first, end)
    moved: NDArray[np.int64] = minutes + np.asarray(offsets, dtype=np.int64)[minutes // _STEP - steps[0]]
    return moved


def _offset_minutes(minute: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, zone).utcoffset()
    return round(offset.total_seconds() / 60) if offset else 0


def _weekly_share(judged: list[_Judged]) -> float:
    """The share of the weekly cycle with which the last days would have been forecast best (least squares)."""
    above = square = 0.0
    for came, daily, weekly in judged:
        apart = np.where(np.isfinite(came), weekly - daily, np.float32(np.nan))
        above += float(np.nansum((came - daily) * apart))
        square += float(np.nansum(apart * apart))
    return min(1.0, max(0.0, above / square)) if square else 0.5


def _carry(judged: list[_Judged], weekly_share: float, lead_minutes: int) -> float:
    """The share of an error that was still there one lead later (least squares): 0 to 1."""
    errors = np.concatenate([came - _blend(daily, weekly, weekly_share) for came, daily, weekly in judged])
    seen = sliding_window_view(errors, ERROR_MINUTES).mean(axis=1)[:-lead_minutes]
    later = errors[ERROR_MINUTES - 1 + lead_minutes :]
    known = np.isfinite(seen) & np.isfinite(later)
    square = float((seen[known] ** 2).sum())
    return min(1.0, max(0.0, float((seen[known] * later[known]).sum()) / square)) if square else 0.0


def _blend(daily: Series, weekly: Series, weekly_share: float) -> Series:
    return np.where(np.isfinite(weekly), weekly_share * weekly + (1 - weekly_share) * daily, daily)

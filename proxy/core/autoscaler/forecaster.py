"""Forecasts of one app's demand: its habits, how today differs from them, and whether they still hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.history import History, Minute, Tally
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.season import ERROR_MINUTES, Season, fit

# Until a start has been measured.
_COLD_START_SECONDS = 60.0
# So much sooner than the measured time: no two starts take equally long.
_MARGIN_SECONDS = 15.0
_SEASON_MINUTES = 60
# A habit is refuted by requests that stay away, when chance alone would hardly do that …
_ENOUGH_REQUESTS = 5.0
# … and when they are not merely late by as much as this.
_LATE_MINUTES = 2
_LONGEST_REFUTATION = 120


class Forecaster:
    """Owns the app's history and habits; told of every look, it answers what is expected next.

    `minutes` are the finished minutes that nobody has taken away to be kept yet.
    """

    def __init__(self, zone: tzinfo) -> None:
        self.history = History()
        self.minutes: list[Minute] = []
        self.season: Season | None = None
        self._zone = zone
        self._tally = Tally()
        self._fitted_at: int | None = None
        self._answer: tuple[tuple[int, int], Forecast | None] | None = None
        self._lead_minutes = 1

    def look(self, seen: Observation) -> Forecast | None:
        """Note what was seen since the look before; what is expected, None where there is no history for it."""
        seconds = seen.wall.timestamp()
        over = self._tally.add(seconds, seen)
        if over is not None:
            self.history.add([over])
            self.minutes.append(over)
        minute = int(seconds // 60)
        lead = (seen.cold_start.seconds if seen.cold_start else _COLD_START_SECONDS) + _MARGIN_SECONDS
        last = int((seconds + lead) // 60)
        self._lead_minutes = max(1, math.ceil(lead / 60))
        if self._answer is None or self._answer[0] != (minute, last):
            self._answer = ((minute, last), self._forecast(minute, last, lead))
        return self._answer[1]

    # Habits

    def stale(self, wall: datetime) -> bool:
        """Whether it is time to look for the habits anew: every hour, and at the first look."""
        minute = int(wall.timestamp() // 60)
        return self._fitted_at is None or not 0 <= minute - self._fitted_at < _SEASON_MINUTES

    def fitting(self, wall: datetime) -> Callable[[], Season | None]:
        """What finds the habits: it has its own copy of the history, so that it may be called in another thread."""
        return partial(fit, self.history.before(int(wall.timestamp() // 60)), self._zone, self._lead_minutes)

    def fit(self, wall: datetime) -> Season | None:
        return self.fitting(wall)()

    def learn(self, season: Season | None, wall: datetime) -> None:
        """From now on forecast by these habits, which were found at `wall`."""
        self.season = season
        self._fitted_at = int(wall.timestamp() // 60)
        self._answer = None

    # Forecasts

    def _forecast(self, minute: int, last: int, lead: float) -> Forecast | None:
        season = self.season
        if season is None:
            return None
        places = season.places(minute, last + 1)
        came = self._came(season, minute)
        demand, requests = float(season.demand[places].max()), float(season.requests[places].max())
        demand = demand * came if came < 1 else self._corrected(season, minute, demand)
        return Forecast(demand, requests / 60 * came, lead, season.days, came)

    def _corrected(self, season: Season, minute: int, usual: float) -> float:
        """The habit, and as much of its last error as usually lasts; nothing where nothing is usual."""
        expected = season.demand[season.places(minute - ERROR_MINUTES, minute)]
        error = float((self.history.before(minute, ERROR_MINUTES).demand - expected).mean())
        return max(0.0, usual + season.carry * error) if usual > 0 and math.isfinite(error) else usual

    def _came(self, season: Season, minute: int) -> float:
        """How much came of what was expected of the last minutes: of as many as are needed to judge."""
        came = self.history.before(minute, _LONGEST_REFUTATION).requests
        first = minute - _LONGEST_REFUTATION
        expected = season.requests[season.places(first - _LATE_MINUTES, minute + _LATE_MINUTES)]
        shifted = sliding_window_view(expected, len(came)) * np.isfinite(came)
        due = np.cumsum(shifted[:, ::-1], axis=1).min(axis=0)  # in the last minute, the last two, three …
        judged = int(np.searchsorted(due, _ENOUGH_REQUESTS)) + 1
        if judged > len(came):
            return 1.0
        return min(1.0, float(np.nansum(came[-judged:])) / float(due[judged - 1]))

"""Forecasts of one live app: its history is kept on disk and its habits are found, both beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from proxy.config import AppConfig
from proxy.config.schedule import ScheduleRule
from proxy.config.state import state_folder
from proxy.control.history_file import HistoryFile
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.forecaster import Forecaster
from proxy.core.autoscaler.observation import Observation

log = logging.getLogger("tidegate.prediction")

_KEEP_SECONDS = 60.0
# A day of minutes waits for a disk that is full.
_MOST_UNKEPT = 24 * 60


class Prediction:
    """Owns the forecaster of one app."""

    def __init__(
        self,
        app: str,
        forecaster: Forecaster,
        file: HistoryFile,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._forecaster = forecaster
        self._file = file
        self._clock = clock

    def look(self, seen: Observation) -> Forecast | None:
        return self._forecaster.look(seen)

    async def run(self) -> None:
        """Read the file once, then keep and learn, for ever."""
        try:
            await self.remember()
            while True:
                await self.refresh()
                await asyncio.sleep(_KEEP_SECONDS)
        except Exception:  # a mistake of ours in forecasts does not end the serving
            log.exception("%s: no forecasts any more", self._app)
            self._forecaster.learn(None, self._clock())

    async def remember(self) -> None:
        """Take over what the file knows from before."""
        now = int(self._clock().timestamp() // 60)
        self._forecaster.history.add(await asyncio.to_thread(self._file.read, self._app, now))

    async def refresh(self) -> None:
        """Keep the new minutes; find the habits anew if it is time for it."""
        await self.keep()
        wall = self._clock()
        if self._forecaster.stale(wall):
            self._forecaster.learn(await asyncio.to_thread(self._forecaster.fitting(wall)), wall)

    async def keep(self) -> None:
        """Write down what was not yet."""
        unkept = self._forecaster.minutes
        if unkept:
            minutes = tuple(unkept)
            kept = await asyncio.to_thread(self._file.write, self._app, minutes)
            del unkept[: len(minutes) if kept else 0]
        del unkept[:-_MOST_UNKEPT]


def make_predictions(configs: Iterable[AppConfig]) -> Mapping[str, Prediction]:
    """One for each app with `predictive`, by its name; all keep their history in one file."""
    file = HistoryFile(state_folder() / "history.sqlite3")
    return {config.name: _prediction(config, file) for config in configs if config.scaling.predictive}


def _prediction(config: AppConfig, file: HistoryFile) -> Prediction:
    return Prediction(config.name, Forecaster(zone_of(config.scaling.schedule)), file)


def zone_of(rules: Sequence[ScheduleRule]) -> tzinfo:
    """Whose clock the app's users live by: that of its first schedule rule, else this machine's."""
    if rules:
        return rules[0].timezone
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, KeyError):
        return UTC

"""Forecasts of a live app: what is read, kept and learned, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from proxy.config import parse
from proxy.control.history_file import HistoryFile
from proxy.control.prediction import Prediction, make_predictions, zone_of
from proxy.core.autoscaler.forecaster import Forecaster
from proxy.core.autoscaler.history import Minute
from tests.core.autoscaler.days import MONDAY, lived, minute_of, office_hours
from tests.core.autoscaler.looks import observed

NAME = '[cerebrium.deployment]\nname = "{}"\n[tidegate.scaling]\npredictive = {}\n'


class FakeFile(HistoryFile):
    """Remembers what it is given, if it works."""

    def __init__(self) -> None:
        self.minutes: list[Minute] = []
        self.works = True

    def read(self, app: str, now: int) -> list[Minute]:
        return [minute for minute in self.minutes if minute.at < now]

    def write(self, app: str, minutes: Sequence[Minute]) -> bool:
        self.minutes += minutes if self.works else ()
        return self.works


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def predicting(file: HistoryFile, now: datetime = MONDAY) -> tuple[Prediction, Forecaster, Clock]:
    clock = Clock(now)
    forecaster = Forecaster(UTC)
    return Prediction("demo", forecaster, file, clock), forecaster, clock


def test_a_restart_forgets_nothing() -> None:
    file = FakeFile()
    file.minutes = list(lived(MONDAY, 2, office_hours))
    nine = MONDAY + timedelta(days=2, hours=9)
    prediction, _, _ = predicting(file, nine)

    async def scenario() -> None:
        await prediction.remember()
        await prediction.refresh()

    asyncio.run(scenario())
    forecast = prediction.look(replace(observed(0.0), wall=nine))
    assert forecast is not None
    assert (forecast.demand, forecast.days) == (10, 2)


def test_finished_minutes_are_kept_once() -> None:
    prediction, forecaster, _ = predicting(file := FakeFile())
    first, second = Minute(1, 1.0, 1), Minute(2, 1.0, 1)
    forecaster.minutes.append(first)
    asyncio.run(prediction.keep())
    forecaster.minutes.append(second)
    asyncio.run(prediction.keep())
    assert file.minutes == [first, second]


def test_minutes_wait_for_a_file_that_fails_a_day_of_them_at_most() -> None:
    prediction, forecaster, _ = predicting(file := FakeFile())
    file.works = False
    forecaster.minutes += [Minute(at, 1.0, 1) for at in range(2000)]
    asyncio.run(prediction.keep())
    file.works = True
    asyncio.run(prediction.keep())
    assert [minute.at for minute in file.minutes] == list(range(560, 2000))


def test_habits_are_found_anew_every_hour() -> None:
    file = FakeFile()
    prediction, forecaster, clock = predicting(file, MONDAY + timedelta(days=1))
    asyncio.run(prediction.refresh())
    assert forecaster.season is None
    forecaster.history.add(lived(MONDAY, 1, office_hours))
    clock.now += timedelta(minutes=59)
    asyncio.run(prediction.refresh())
    assert forecaster.season is None
    clock.now += timedelta(minutes=1)
    asyncio.run(prediction.refresh())
    assert forecaster.season is not None


def test_a_mistake_in_forecasting_ends_forecasts_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    prediction, forecaster, _ = predicting(file := FakeFile())
    file.minutes = [Minute(1, "no number", 1)]  # type: ignore[arg-type]  # SQLite's columns take anything
    forecaster.history.add(lived(MONDAY, 1, office_hours))
    forecaster.learn(forecaster.fit(MONDAY + timedelta(days=1)), MONDAY)
    asyncio.run(prediction.run())
    assert forecaster.season is None
    assert "demo: no forecasts any more" in caplog.text


def test_only_apps_that_ask_for_it_are_predicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path))
    configs = [parse(NAME.format(name, word), Path("c.toml")) for name, word in (("a", "true"), ("b", "false"))]
    predictions = make_predictions(configs)
    assert list(predictions) == ["a"]
    asyncio.run(predictions["a"].remember())
    assert (tmp_path / "history.sqlite3").exists()


# Whose clock


def test_the_clock_is_that_of_the_first_schedule_rule() -> None:
    rule = '[[tidegate.scaling.schedule]]\ntimezone = "Asia/Tokyo"\nmax_replicas = 1\n'
    config = parse(NAME.format("a", "true") + rule, Path("c.toml"))
    assert zone_of(config.scaling.schedule) == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_without_a_schedule_it_is_that_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", name)
    assert zone_of(()) == ZoneInfo("Europe/Berlin")


def test_without_either_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    summer = datetime(2024, 7, 1, 12, tzinfo=UTC)
    assert summer.astimezone(zone_of(())).utcoffset() == summer.astimezone().utcoffset()


def test_a_time_zone_that_nobody_knows_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert zone_of(()) is UTC
    assert minute_of(MONDAY) % 1440 == 0

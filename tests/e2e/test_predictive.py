"""Forecasts of the real command, from a history on disk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from proxy.control.history_file import HistoryFile
from proxy.core.autoscaler.history import Minute
from tests.e2e.running import events, eventually, running, write_app

PREDICTIVE = "[cerebrium.scaling]\nmax_replicas = 3\nreplica_concurrency = 1\n[tidegate.scaling]\npredictive = true\n"
HOUR = 60


@pytest.fixture(autouse=True)
def _with_a_state_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path / "state"))


def test_replicas_are_started_for_the_demand_of_the_day_before(tmp_path: Path) -> None:
    now = int(time.clock_gettime(time.CLOCK_REALTIME) // 60)
    day_before = [Minute(at, 2.0, 20) for at in range(now - 36 * HOUR, now - 12 * HOUR)]
    assert HistoryFile(tmp_path / "state" / "history.sqlite3").write("demo", day_before)
    write_app(tmp_path, PREDICTIVE)
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        assert "forecast wants 2: 2.00 requests at once expected within" in up.view()["scaling"]["reason"]
        assert events(tmp_path, "request") == []
        assert up.end() == 0


def test_a_corrupt_history_costs_a_warning(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "history.sqlite3").write_bytes(b"rubbish" * 1000)
    write_app(tmp_path, PREDICTIVE)
    with running(tmp_path) as up:
        assert up.get("/").status == 200
        assert up.log().count("history.sqlite3.corrupt") == 1
        assert up.end() == 0

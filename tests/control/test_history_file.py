"""The history on disk, and what becomes of it when the disk fails."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.control.history_file import HistoryFile, Result
from proxy.core.autoscaler.history import MINUTES, Minute

NOW = 30_000_000
FEW = [Minute(NOW - 2, 1.5, 3), Minute(NOW - 1, 0.0, 0)]


class FullDisk(HistoryFile):
    """Nothing can be written to it until there is room."""

    full = True

    def _opened(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        return super()._opened(work)


def test_what_is_written_is_read_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history.sqlite3"
    assert HistoryFile(path).write("demo", FEW)
    assert HistoryFile(path).read("demo", NOW) == FEW


def test_apps_do_not_mix(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "h")
    file.write("one", FEW[:1])
    file.write("two", FEW[1:])
    assert file.read("one", NOW) == FEW[:1]


def test_a_minute_is_kept_once(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "h")
    file.write("demo", FEW)
    file.write("demo", [Minute(NOW - 1, 2.0, 9)])
    assert file.read("demo", NOW) == [FEW[0], Minute(NOW - 1, 2.0, 9)]


def test_four_weeks_are_kept(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "h")
    file.write("demo", [Minute(NOW - MINUTES - 1, 1.0, 1), Minute(NOW - MINUTES, 1.0, 1), *FEW[1:]])
    assert [minute.at for minute in file.read("demo", NOW)] == [NOW - MINUTES, NOW - 1]


def test_the_file_stops_growing(tmp_path: Path) -> None:
    """Six weeks, a day at a time: it is no larger after them than after four and a half."""
    file, sizes = HistoryFile(tmp_path / "h"), []
    for day in range(42):
        file.write("demo", [Minute(NOW + day * 1440 + minute, 1.0, 1) for minute in range(1440)])
        sizes.append((tmp_path / "h").stat().st_size)
    assert sizes[-1] < sizes[31] * 1.02
    assert sizes[-1] < 1_000_000


def test_an_app_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "h")
    file.write("gone", FEW)
    file.read("demo", NOW + MINUTES + 1)
    assert file.read("gone", NOW) == []


# Failures


@pytest.mark.parametrize(
    "content", [b"this is no database, but long enough to be taken for one" * 20, b"SQLite format 3\0"]
)
def test_a_corrupt_file_is_put_aside_with_one_warning(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes(content)
    file = HistoryFile(path)
    assert file.read("demo", NOW) == []
    assert file.write("demo", FEW)
    assert file.read("demo", NOW) == FEW
    assert path.with_name("history.sqlite3.corrupt").read_bytes() == content
    assert len(caplog.records) == 1
    assert "it is now history.sqlite3.corrupt, and a new history begins" in caplog.text


def test_a_full_disk_is_one_warning_until_there_is_room_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FullDisk(tmp_path / "h")
    with caplog.at_level(logging.INFO):
        assert [file.write("demo", FEW) for _ in range(3)] == [False] * 3
        assert file.read("demo", NOW) == []
        file.full = False
        assert file.write("demo", FEW)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "h: database or disk is full: until this is mended, forecasts are forgotten at a restart" in caplog.text


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert not HistoryFile(tmp_path / "file" / "state" / "h").write("demo", FEW)
    assert "Not a directory" in caplog.text

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from proxy.control.watched_files import LOOK_SECONDS, WatchedFiles
from proxy.errors import ConfigError


class Reader:
    """Reads one file, which is broken if it is empty; remembers what it has read."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "file"
        self.file.write_text("one")
        self.read: list[str] = []
        self.watch = WatchedFiles([self.file, folder / "other"], self._load)

    def _load(self) -> None:
        text = self.file.read_text() if self.file.exists() else ""
        self.read.append(text)
        if not text:
            raise ConfigError(f"{self.file} is empty")


def test_what_does_not_change_is_not_read_again(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.watch.look()
    assert reader.read == []


def test_a_change_of_either_file_is_read_at_the_next_look_and_once(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.file.write_text("another")
    for _ in range(3):
        reader.watch.look()
    (tmp_path / "other").touch()
    reader.watch.look()
    assert reader.read == ["another", "another"]


def test_what_is_broken_at_two_looks_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader(tmp_path)
    reader.file.write_text("")
    with caplog.at_level(logging.WARNING):
        reader.watch.look()
        assert caplog.messages == []
        for _ in range(3):
            reader.watch.look()
    assert caplog.messages == [f"{reader.file} is empty; what was read before stays in use"]
    reader.file.write_text("mended")
    reader.watch.look()
    assert reader.read == ["", "", "mended"]


def test_what_is_whole_at_the_second_look_is_nothing_to_warn_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader(tmp_path)
    reader.file.write_text("")
    with caplog.at_level(logging.WARNING):
        reader.watch.look()
        reader.file.write_text("whole")
        reader.watch.look()
    assert caplog.messages == []


def test_a_file_that_is_replaced_by_one_of_the_same_size_is_read(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").replace(reader.file)
    reader.watch.look()
    assert reader.read == ["two"]


def test_a_change_is_known_within_a_second_also_if_the_first_look_found_a_part_of_it() -> None:
    assert 2 * LOOK_SECONDS < 1

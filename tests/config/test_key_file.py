from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from proxy.config.key_file import KeyFile
from proxy.errors import ConfigError
from tests.net.key_records import record


def written(folder: Path, text: str) -> KeyFile:
    (folder / "keys.json").write_text(text)
    return KeyFile(folder / "keys.json")


def test_a_file_that_is_not_there_holds_no_keys(tmp_path: Path) -> None:
    assert KeyFile(tmp_path / "none" / "keys.json").read() == ()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "new" / "keys.json")
    with file.changing() as records:
        records.append(record(name="ann", apps=["demo"], burst=2))
    assert file.read() == (record(name="ann", apps=["demo"], burst=2),)


def test_nobody_but_the_owner_can_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    with file.changing() as records:
        records.append(record())
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.json", "keys.json.lock"]


def test_it_is_where_state_is_kept_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path))
    assert KeyFile().path == tmp_path / "keys.json"


def test_changes_made_at_once_are_all_kept(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with KeyFile(tmp_path / "keys.json").changing() as records:
            records.append(record(f"k{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.id for each in KeyFile(tmp_path / "keys.json").read()) == [f"k{number}" for number in range(8)]


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    with file.changing() as records:
        records.append(record())
    with pytest.raises(ZeroDivisionError), file.changing() as records:
        records.append(1 / 0)  # type: ignore[arg-type]  # never gets there
    assert file.read() == (record(),)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "keys.json").symlink_to(tmp_path / "real" / "keys.json")
    with KeyFile(tmp_path / "keys.json").changing() as records:
        records.append(record())
    assert (tmp_path / "keys.json").is_symlink()
    assert (tmp_path / "real" / "keys.json").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the file is not as tidegate keys writes it (Invalid JSON"),
        ('{"keys": [{"id": "a", "sha256": "x", "created": "2026-01-01T00:00:00Z"}]}', "keys[0].sha256 is not as"),
        ('{"version": 2}', "version is not as"),
        ('{"keys": 5}', "keys is not as"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        written(tmp_path, text).read()
    assert str(mistake.value).startswith(f"{tmp_path}/keys.json: {sentence}")
    assert "\n" not in str(mistake.value)


def test_two_keys_with_one_id_are_a_mistake(tmp_path: Path) -> None:
    one = record().model_dump_json()
    with pytest.raises(ConfigError, match="two keys have the id k1"):
        written(tmp_path, f'{{"keys": [{one}, {one}]}}').read()


def test_a_file_that_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="the keys cannot be read: Not a directory"):
        KeyFile(tmp_path / "file" / "keys.json").read()
    with pytest.raises(ConfigError, match="the keys cannot be written: "), KeyFile(tmp_path / "file" / "k").changing():
        pass

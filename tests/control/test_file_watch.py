"""Files that change while an editor writes them."""

from __future__ import annotations

from pathlib import Path

from proxy.config import load
from proxy.control.file_watch import FileWatch, Look, look

A = Path("a.toml")


class Watched:
    def __init__(self) -> None:
        self.told = 0
        self.watch = FileWatch([], self._tell)

    def _tell(self) -> None:
        self.told += 1

    def sees(self, *looks: Look) -> int:
        for one in looks:
            self.watch.note(one)
        return self.told


def test_what_stays_as_it_was_is_not_told() -> None:
    assert Watched().sees({A: (1, 1)}, {A: (1, 1)}, {A: (1, 1)}) == 0


def test_a_change_is_told_once_it_has_stayed_for_a_look() -> None:
    watched = Watched()
    assert watched.sees({A: (1, 1)}, {A: (2, 1)}, {A: (3, 1)}) == 0
    assert watched.sees({A: (3, 1)}, {A: (3, 1)}) == 1


def test_a_change_that_is_taken_back_is_none() -> None:
    assert Watched().sees({A: (1, 1)}, {}, {A: (1, 1)}, {A: (1, 1)}) == 0


def test_settings_environment_and_code_are_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "cerebrium.toml"
    file.write_text('[cerebrium.deployment]\nname = "demo"\n[tidegate]\nenv_file = "secrets"')
    (tmp_path / "secrets").write_text("A=1")
    for name in ("main.py", "weights.bin"):
        (tmp_path / name).write_text("x")
    code = {"cerebrium.toml", "secrets", "main.py"}
    assert {path.name for path in look([(load(tmp_path), "process")])} == code
    assert {path.name for path in look([(load(tmp_path), "docker")])} == code | {"weights.bin"}

"""Which files belong to an app."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from proxy.config import Deployment
from proxy.errors import BuildError
from proxy.images.selection import dockerignore, select

DEFAULT = Deployment.model_validate({"name": "a"})
FILES = (
    "main.py",
    "cerebrium.toml",
    "lib/model.py",
    "lib/__pycache__/model.pyc",
    "data/big.bin",
    "data/small/one.txt",
    ".git/config",
    ".env",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        (DEFAULT.include, DEFAULT.exclude, {*FILES} - {".git/config", ".env", "lib/__pycache__/model.pyc"}),
        (["main.py"], [], {"main.py"}),
        (["lib"], [], {"lib/model.py"}),
        (["."], [".*"], {*FILES} - {".git/config", ".env", "lib/__pycache__/model.pyc"}),
        (["./"], ["", ".*", "data"], {"main.py", "cerebrium.toml", "lib/model.py"}),
        (["./lib/"], [], {"lib/model.py"}),
        (["*.py"], [], {"main.py", "lib/model.py"}),
        (["./*"], [".*", "data"], {"main.py", "cerebrium.toml", "lib/model.py"}),
        (["./*"], [".*", "data/*.bin", "*.toml"], {"main.py", "lib/model.py", "data/small/one.txt"}),
        (["/main.py", ".env"], [], {"main.py", ".env"}),
        ([], [], set()),
    ],
)
def test_patterns_say_what_is_in(folder: Path, include: Sequence[str], exclude: Sequence[str], left: set[str]) -> None:
    assert set(select(folder, include, exclude)) == left


def test_a_link_to_a_folder_is_one_entry_and_a_socket_is_none(folder: Path) -> None:
    import socket

    (folder / "weights").symlink_to(folder / "data")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(folder / "s"))
        found = select(folder, ["*"], ["data", ".*"])
    assert found["weights"] == folder / "weights"
    assert "s" not in found


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("data", ["data/big.bin", "data"], ["database", "lib/data"]),
        ("*.bin", ["a.bin"], ["data/a.bin"]),
        ("**/*.bin", ["a.bin", "data/a.bin", "x/y/a.bin"], ["a.bins"]),
        ("data/**", ["data/a", "data/b/c"], ["main.py"]),
        ("*\n!main.py", ["a", "lib/b"], ["main.py"]),
        ("# nothing\n\n  /lib/ ", ["lib/model.py"], ["# nothing", "main.py"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[ab].py\n\\*x", ["a.py", "*x"], ["c.py", "xx"]),
    ],
)
def test_a_dockerignore_means_what_it_means_to_docker(text: str, ignored: list[str], kept: list[str]) -> None:
    test = dockerignore(text, Path(".dockerignore"))
    assert [path for path in ignored + kept if test(path)] == ignored


def test_a_dockerignore_that_docker_would_refuse_is_one_sentence() -> None:
    with pytest.raises(BuildError, match=r'^app/.dockerignore: "\[z-a\]" is no pattern \(bad character range z-a'):
        dockerignore("main.py\n[z-a]", Path("app/.dockerignore"))

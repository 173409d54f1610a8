"""What pip is given in a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import UserError
from proxy.images.requirements import requirement_parts
from tests.backends.apps import app

LISTED = '[cerebrium.dependencies.paths]\npip = "needs/all.txt"\n[cerebrium.dependencies.pip]\nsix = "1.17.0"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "needs").mkdir()
    (tmp_path / "needs/all.txt").write_text(
        "-r more.txt\n-c ../pins.txt\n--requirement=https://example.org/x.txt\norjson\n"
    )
    (tmp_path / "needs/more.txt").write_text("-r all.txt\nuvloop\n")
    (tmp_path / "pins.txt").write_text("uvloop==0.1\n")
    return tmp_path


def test_packages_are_lines_in_the_order_of_their_names(tmp_path: Path) -> None:
    config = app(tmp_path, '[cerebrium.dependencies.pip]\nsix = "1.17.0"\norjson = ""')
    assert requirement_parts(config) == {"requirements.txt": b"orjson\nsix==1.17.0\n"}


def test_a_listed_file_comes_with_those_that_it_names(folder: Path) -> None:
    parts = requirement_parts(app(folder, LISTED))
    assert parts["requirements.txt"] == b"-r files/needs/all.txt\nsix==1.17.0\n"
    assert set(parts) == {"requirements.txt", "files/needs/all.txt", "files/needs/more.txt", "files/pins.txt"}


@pytest.mark.parametrize("line", ["-r gone.txt", "-r ../../other.txt"])
def test_a_file_that_is_not_the_apps_is_one_sentence(line: str, folder: Path) -> None:
    (folder / "needs/more.txt").write_text(line)
    with pytest.raises(UserError, match=r"cerebrium\.toml: dependencies\.paths\.pip needs .*, which is no file of the"):
        requirement_parts(app(folder, LISTED))


def test_the_encoding_of_a_listed_file_is_pips_to_know(folder: Path) -> None:
    (folder / "needs/more.txt").write_bytes("# -*- coding: latin-1 -*- für\n-c ../pins.txt\n".encode("latin-1"))
    assert "files/pins.txt" in requirement_parts(app(folder, LISTED))

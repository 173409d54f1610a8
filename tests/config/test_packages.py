"""What the package managers are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.packages import exact_words, listed_file, listed_words, pip_lines
from proxy.errors import UserError
from tests.backends.apps import app


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", "torch"),
        ("latest", "torch"),
        ("*", "torch"),
        ("2.1.0", "torch==2.1.0"),
        (">=2.0,<3", "torch>=2.0,<3"),
        ("~=2.1", "torch~=2.1"),
        ("@ https://example.org/torch.whl", "torch@ https://example.org/torch.whl"),
    ],
)
def test_a_version_for_pip_may_be_open_exact_or_a_range(version: str, expected: str) -> None:
    assert pip_lines({"torch": version}) == [expected]


@pytest.mark.parametrize(
    ("version", "expected"), [("latest", "git"), ("1:2.39", "git=1:2.39"), ("=2", "git=2"), (">=2", "git>=2")]
)
def test_a_version_for_apt_is_open_or_exact(version: str, expected: str) -> None:
    assert exact_words({"git": version}) == [expected]


def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    config = app(tmp_path, '[cerebrium.dependencies.paths]\npip = "needs.txt"')
    with pytest.raises(UserError, match=r"dependencies\.paths\.pip names needs\.txt"):
        listed_file(config, "pip")


def test_a_list_of_packages_has_one_to_a_line_and_comments(tmp_path: Path) -> None:
    (tmp_path / "pkglist.txt").write_text("ffmpeg\n\n# for sound\nsox # too\n")
    config = app(tmp_path, '[cerebrium.dependencies.paths]\napt = "pkglist.txt"')
    assert listed_words(config, "apt") == ["ffmpeg", "sox"]


def test_a_list_of_packages_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "pkglist.txt").write_bytes("ffmpeg # für Ton".encode("latin-1"))
    config = app(tmp_path, '[cerebrium.dependencies.paths]\napt = "pkglist.txt"')
    with pytest.raises(UserError, match=r"pkglist\.txt: the file is not UTF-8 at byte 10: save it as UTF-8"):
        listed_words(config, "apt")


def test_a_byte_order_mark_is_no_part_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "pkglist.txt").write_text("ffmpeg", encoding="utf-8-sig")
    config = app(tmp_path, '[cerebrium.dependencies.paths]\napt = "pkglist.txt"')
    assert listed_words(config, "apt") == ["ffmpeg"]

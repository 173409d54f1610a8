from __future__ import annotations

from pathlib import Path

import pytest

from proxy.cli.access import admin_key, is_loopback
from proxy.errors import UserError


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("box.example.org", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_on_loopback_a_key_may_be_there_and_need_not() -> None:
    assert [admin_key(key, None, "127.0.0.1") for key in ("", "word")] == ["", "word"]


def test_elsewhere_there_has_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--admin-host 0.0.0.0 is open to others than this machine's users: set TIDE"):
        admin_key(" ", None, "0.0.0.0")
    (tmp_path / "key").write_text("word\n")
    assert admin_key("other", tmp_path / "key", "0.0.0.0") == "word"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read: No such file or directory"), (b" \n", "is empty: write"), (b"\xff", "is not UTF-8")],
)
def test_a_file_without_a_key_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserError, match=f"--admin-key-file {tmp_path}/key {sentence}"):
        admin_key("", tmp_path / "key", "127.0.0.1")

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.cli.access import admin_key, in_the_clear, is_loopback
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


@pytest.mark.parametrize(
    ("key", "host", "tls", "warned"),
    [("word", "0.0.0.0", False, True), ("word", "0.0.0.0", True, False), ("word", "127.0.0.1", False, False)],
)
def test_a_key_that_crosses_a_network_in_the_clear_is_warned_of(key: str, host: str, tls: bool, warned: bool) -> None:
    assert bool(in_the_clear(key, host, tls)) is warned


@pytest.mark.parametrize("key", ["one\ntwo", "a\tb", "\udcff"])
def test_a_key_that_no_request_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UserError, match="the admin key has a character that cannot be sent") as raised:
        admin_key(key, None, "127.0.0.1")
    assert key not in str(raised.value)

"""Lines of KEY=VALUE."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.env_file import read_env_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A = b c ", "b c"),
        ("export A=b", "b"),
        ("  A=b", "b"),
        ("A=b # comment", "b"),
        ("A= # comment", ""),
        ("A=b#c", "b#c"),
        ("A=b=c", "b=c"),
        ("A='b # c'", "b # c"),
        (r"A='\n'", r"\n"),
        (r'A="b\n\"c\" \\ # \$" # comment', 'b\n"c" \\ # $'),
        ('A=""', ""),
        ("A=it's", "it's"),
    ],
)
def test_value(line: str, value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(line)
    assert read_env_file(tmp_path / ".env") == {"A": value}


def test_empty_lines_and_comments_are_skipped_and_the_last_value_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbf# a\r\n\r\n  # b\r\nA=1\r\nA=2\r\n")
    assert read_env_file(tmp_path / ".env") == {"A": "2"}


@pytest.mark.parametrize("line", ["secret", "=secret", "1A=secret", "A='secret", 'A="secret', "A='secret' x"])
def test_malformed_line_is_named_but_not_shown(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"# fine\n{line}\n")
    with pytest.raises(ValueError, match=r"lines of KEY=VALUE.*\.env, line 2$") as caught:
        read_env_file(tmp_path / ".env")
    assert "secret" not in str(caught.value)


def test_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_env_file(tmp_path / ".env")

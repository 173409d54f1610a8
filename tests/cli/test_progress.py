"""One line below the log."""

from __future__ import annotations

import pytest

from proxy.cli.progress import ProgressLine


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> ProgressLine:
    monkeypatch.setenv("COLUMNS", "21")
    return ProgressLine()


def test_a_log_line_goes_above_the_line_of_progress(line: ProgressLine) -> None:
    assert line.want("a is starting")
    assert line.below(b"") == b"a is starting"
    assert line.below(b"hello\n") == b"\r\x1b[2Khello\na is starting"


def test_without_progress_nothing_but_the_log_is_written(line: ProgressLine) -> None:
    line.want("")
    assert line.below(b"hello\n") == b"hello\n"


def test_a_long_line_is_cut_at_the_edge_of_the_screen(line: ProgressLine) -> None:
    line.want("x" * 50)
    assert line.below(b"").decode() == f"{'x' * 19}…"


def test_what_stays_is_not_written_again(line: ProgressLine) -> None:
    line.want("a")
    assert line.below(b"") == b"a"
    assert not line.want("a")
    assert line.below(b"") == b""
    line.want("")
    assert line.below(b"") == b"\r\x1b[2K"

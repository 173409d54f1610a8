"""One line below the log."""

from __future__ import annotations

import errno
import io
import logging

import pytest

from proxy.cli.progress import TerminalHandler


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> TerminalHandler:
    monkeypatch.setenv("COLUMNS", "21")
    made = TerminalHandler()
    made.setStream(io.StringIO())
    return made


def written(handler: TerminalHandler) -> str:
    stream = handler.stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_log_line_goes_above_the_line_of_progress(handler: TerminalHandler) -> None:
    handler.show("a is starting")
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    assert written(handler) == "\r\x1b[2Ka is starting\r\x1b[2Khello\n\r\x1b[2Ka is starting"


def test_without_progress_nothing_but_the_log_is_written(handler: TerminalHandler) -> None:
    handler.show("")
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    assert written(handler) == "hello\n"


def test_a_long_line_is_cut_at_the_edge_of_the_screen(handler: TerminalHandler) -> None:
    handler.show("x" * 50)
    assert written(handler) == f"\r\x1b[2K{'x' * 19}…"


def test_what_stays_is_not_written_again(handler: TerminalHandler) -> None:
    handler.show("a")
    handler.show("a")
    handler.show("")
    assert written(handler) == "\r\x1b[2Ka\r\x1b[2K"


def test_a_terminal_that_is_gone_is_no_error(handler: TerminalHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    handler.setStream(GoneTerminal())
    monkeypatch.setattr(logging, "raiseExceptions", False)
    handler.show("a is starting")
    handler.emit(logging.makeLogRecord({"msg": "hello"}))


class GoneTerminal(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(errno.EIO, "Input/output error")

"""Log lines: JSON for a machine, text for a person."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from proxy.cli.log_lines import JsonFormatter, TerminalFormatter, set_up_logging


def record(message: str, level: int = logging.INFO, **extra: str) -> logging.LogRecord:
    return logging.getLogger("tidegate.replica").makeRecord(
        "tidegate.replica", level, "file", 1, message, (), None, extra=extra
    )


def as_json(made: logging.LogRecord) -> dict[str, Any]:  # JSON values are of any type
    line = JsonFormatter().format(made)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_for_a_machine_is_one_json_object() -> None:
    line = as_json(record("two\nlines", logging.WARNING))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "logger": "tidegate.replica", "message": "two\nlines"}


def test_a_replica_s_output_carries_app_and_replica() -> None:
    made = record("hello", app="demo", replica="demo-1")
    line = as_json(made)
    assert (line["app"], line["replica"], line["message"]) == ("demo", "demo-1", "hello")
    assert TerminalFormatter().format(made).endswith(" [demo-1] hello")


@pytest.mark.parametrize(
    ("level", "mark"), [(logging.INFO, ""), (logging.WARNING, "! "), (logging.ERROR, "!! "), (logging.CRITICAL, "!! ")]
)
def test_what_is_wrong_is_marked_for_a_person(level: int, mark: str) -> None:
    time, text = TerminalFormatter().format(record("hello", level)).split(" ", 1)
    assert len(time.split(":")) == 3
    assert text == f"{mark}hello"


def test_a_traceback_is_in_the_line() -> None:
    made = record("oh")
    try:
        raise ValueError("no")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert as_json(made)["traceback"].endswith("ValueError: no")
    assert TerminalFormatter().format(made).endswith("ValueError: no")


class Stderr:
    def __init__(self, terminal: bool) -> None:
        self.text = ""
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        return


@pytest.mark.parametrize("terminal", [True, False])
def test_the_form_depends_on_whether_stderr_is_a_terminal(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    stderr = Stderr(terminal)
    monkeypatch.setattr(sys, "stderr", stderr)
    set_up_logging()
    logging.getLogger("tidegate").info("hello")
    assert stderr.text.startswith("{") is not terminal

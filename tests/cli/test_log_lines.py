"""Log lines: JSON for a machine, text for a person."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
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


def test_a_path_that_is_no_utf_8_is_told_all_the_same() -> None:
    assert as_json(record(b"caf\xe9".decode(errors="surrogateescape")))["message"] == r"caf\udce9"


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


@pytest.fixture
def _root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loggers, given back as they were."""
    root, ours = logging.getLogger(), logging.getLogger("tidegate")
    monkeypatch.setattr(root, "handlers", [])
    levels = root.level, ours.level
    yield
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def logged(monkeypatch: pytest.MonkeyPatch, terminal: bool, level: str = "info") -> str:
    """What one line of each level becomes on such a stderr."""
    outlet, inlet = os.openpty() if terminal else os.pipe()
    with os.fdopen(inlet, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        stream = set_up_logging(level)
        for method in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger("tidegate"), method)(f"a line of level {method}")
        stream.close()
        text = os.read(outlet, 65_536).decode()
    os.close(outlet)
    return text


@pytest.mark.usefixtures("_root")
@pytest.mark.parametrize("terminal", [True, False])
def test_the_form_depends_on_whether_stderr_is_a_terminal(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged(monkeypatch, terminal).startswith("{") is not terminal


@pytest.mark.usefixtures("_root")
@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lines_below_the_level_are_not_written(level: str, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged(monkeypatch, terminal=False, level=level).count("\n") == lines


@pytest.mark.usefixtures("_root")
def test_what_replicas_print_is_heard_by_others_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    logged(monkeypatch, terminal=False, level="error")
    assert logging.getLogger("tidegate.replica").isEnabledFor(logging.INFO)

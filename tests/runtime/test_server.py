from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from proxy.errors import UserError
from runtime.functions import load
from runtime.server import Settings, explained


def test_settings_have_defaults_that_are_safe_alone(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    assert Settings.read({}, tmp_path) == Settings(None, "127.0.0.1", 8000, 1, tmp_path, ANY)


def test_folder_without_main_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} has no main.py"):
        Settings.read({}, tmp_path)


@pytest.mark.parametrize(("name", "text"), [("PORT", "65536"), ("PORT", ""), ("MAX_CONCURRENT_TASKS", "-1")])
def test_number_out_of_range_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(UserError, match=f"{name} is '{text}': set it to a number from"):
        Settings.read({name: text}, tmp_path)


def test_failure_of_main_is_explained_from_its_own_line_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "main.py").write_text("import json\njson.loads('')\n")
    with pytest.raises(ValueError, match="Expecting value") as raised:
        load(tmp_path)
    first, second, *_, last = explained(raised.value.with_traceback(raised.tb.tb_next)).splitlines()
    assert (first, second) == (
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/main.py", line 2, in <module>',
    )
    assert last == "main.py cannot be loaded: json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"

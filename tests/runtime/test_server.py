from __future__ import annotations

from pathlib import Path
from unittest.mock import ANY

import pytest

from proxy.errors import UserError
from runtime.server import Settings


def test_settings_have_defaults_that_are_safe_alone(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    assert Settings.read({}, tmp_path) == Settings("127.0.0.1", 8000, 1, tmp_path, ANY)


def test_folder_without_main_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} has no main.py"):
        Settings.read({}, tmp_path)


@pytest.mark.parametrize(("name", "text"), [("PORT", "65536"), ("PORT", ""), ("MAX_CONCURRENT_TASKS", "-1")])
def test_number_out_of_range_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(UserError, match=f"{name} is '{text}': set it to a number from"):
        Settings.read({name: text}, tmp_path)

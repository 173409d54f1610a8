from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.state import state_folder
from proxy.errors import UserError


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"TIDEGATE_STATE": "/var/tide", "XDG_STATE_HOME": "/xdg", "HOME": "/home/me"}, "/var/tide"),
        ({"XDG_STATE_HOME": "/xdg", "HOME": "/home/me"}, "/xdg/tidegate"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.local/state/tidegate"),
        ({"TIDEGATE_STATE": "", "HOME": "/home/me"}, "/home/me/.local/state/tidegate"),
    ],
)
def test_the_folder_follows_the_environment(
    environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TIDEGATE_STATE", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert state_folder() == Path(folder)


def test_without_a_home_a_folder_has_to_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("TIDEGATE_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="set TIDEGATE_STATE to a folder"):
        state_folder()

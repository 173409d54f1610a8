"""A reload that comes to nothing leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.admission import Admission
from proxy.backends.environment import inherited
from proxy.config import AppConfig
from proxy.control.prediction import Prediction
from proxy.core.capacity import Machine
from proxy.errors import UserError
from proxy.net.deadlines import Deadlines
from proxy.reload import Reload
from proxy.wiring import App, Options

STATIC = """
[cerebrium.deployment]
name = "demo"
[tidegate]
backend = "static"
[tidegate.static]
replicas = ["127.0.0.1:1"]
"""


class Serving:
    """What a reload changes; `made` is called after an app was made."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup, made: Callable[[Serving], None]) -> None:
        (folder / "cerebrium.toml").write_text(STATIC)
        self.apps: list[App] = []
        self.options = Options(paths=(folder,), record=folder)
        self.tasks = tasks
        self.machine = Machine()
        self.admission = Admission(folder / "keys.json")
        self.ending = False
        self.begun: list[App] = []
        self._made = made

    def make(self, config: AppConfig, prediction: Prediction | None) -> App:
        app = App(config, self.options, self.tasks, Deadlines(0.1), self.machine, prediction)
        self.apps.append(app)
        self._made(self)
        return app

    def begin(self, app: App) -> None:
        self.begun.append(app)

    def leave(self, app: App) -> None:
        self.apps.remove(app)

    def route(self) -> None: ...


def stops(serving: Serving) -> None:
    """As when SIGTERM comes in the middle of a reload."""
    serving.ending = True


def test_no_replica_inherits_what_an_app_of_a_reload_names_for_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELOADED_SECRET", "x" * 32)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            serving = Serving(tmp_path, tasks, stops)
            (tmp_path / "cerebrium.toml").write_text(STATIC + '[tidegate.auth.jwt]\nsecret_env = "RELOADED_SECRET"')
            reload = Reload(serving)
            reload.open()
            with pytest.raises(UserError, match="shutting down"):
                await reload.run()

    asyncio.run(scenario())
    assert "RELOADED_SECRET" not in inherited()


def test_an_app_that_a_reload_makes_while_the_proxy_begins_to_end_is_not_begun(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            serving = Serving(tmp_path, tasks, stops)
            reload = Reload(serving)
            reload.open()
            with pytest.raises(UserError, match="shutting down"):
                await reload.run()
            assert (serving.begun, serving.apps) == ([], [])

    asyncio.run(scenario())

"""What the composition root knows of all apps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.app import Proxy
from proxy.backends.environment import inherited
from proxy.config import AppConfig, parse
from proxy.wiring import Options
from tests.backends.apps import app


def test_no_replica_inherits_what_any_app_names_for_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path))
    monkeypatch.setenv("SERVED_SECRET", "x" * 32)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            Proxy([app(tmp_path, '[tidegate.auth.jwt]\nsecret_env = "SERVED_SECRET"')], Options(), tasks)

    asyncio.run(scenario())
    assert "SERVED_SECRET" not in inherited()


def config(name: str, grace_seconds: int) -> AppConfig:
    return parse(
        f'[cerebrium.deployment]\nname = "{name}"\n[cerebrium.scaling]\nresponse_grace_period = {grace_seconds}\n'
        f'[tidegate.static]\nreplicas = ["127.0.0.1:1"]\n[tidegate.routing]\nprefix = "/{name}"\n',
        Path(f"{name}.toml"),
    )


class _Over(Exception):
    """What still runs is cancelled."""


def test_a_shutdown_waits_for_the_requests_of_an_app_that_is_being_removed_too() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            proxy = Proxy([config("stays", 20), config("goes", 100)], Options("static"), tasks)
            proxy.leave(proxy.apps[1])
            assert proxy.longest_grace_seconds == 100
            raise _Over

    try:
        asyncio.run(scenario())
    except* _Over:
        pass

"""The composition root's own decisions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.app import Proxy
from proxy.config import AppConfig, parse
from proxy.wiring import Options


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

"""What the composition root knows of all apps before any of them starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.app import Proxy
from proxy.backends.environment import inherited
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

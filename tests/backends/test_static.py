from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.backends.static import StaticBackend
from proxy.errors import StartError, UserError
from tests.backends.apps import app


@pytest.fixture
def backend(tmp_path: Path) -> StaticBackend:
    return StaticBackend(app(tmp_path, '[tidegate.static]\nreplicas = ["127.0.0.1:9001", "gpu-2:9002"]'))


def test_each_address_is_handed_out_once(backend: StaticBackend) -> None:
    async def scenario() -> None:
        handles = [await backend.start("a"), await backend.start("b")]
        assert [dict(handle.identity) for handle in handles] == [
            {"address": "127.0.0.1:9001"},
            {"address": "gpu-2:9002"},
        ]
        with pytest.raises(StartError, match=r"every address of tidegate\.static\.replicas of app demo is in use"):
            await backend.start("c")

    asyncio.run(scenario())


def test_a_replica_that_was_let_go_frees_its_address_once(backend: StaticBackend) -> None:
    async def scenario() -> None:
        first = await backend.start("a")
        await first.terminate()
        assert (await first.wait()).reason == "released"
        second = await backend.start("b")
        await first.kill()
        assert (second.host, second.port) == ("127.0.0.1", 9001)
        assert (await backend.start("c")).host == "gpu-2"

    asyncio.run(scenario())


def test_a_replica_never_ends_by_itself(backend: StaticBackend) -> None:
    async def scenario() -> None:
        handle = await backend.start("a")
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(handle.wait())
            await asyncio.sleep(0)
            assert not waiting.done()
            await handle.kill()

    asyncio.run(scenario())


def test_an_app_without_addresses_is_told_the_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cerebrium\.toml: .* needs tidegate\.static\.replicas"):
        asyncio.run(StaticBackend(app(tmp_path)).check())

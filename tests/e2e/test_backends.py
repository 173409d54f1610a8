"""What every backend that starts replicas owes the proxy: one suite for processes and containers."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from proxy.backends.base import Backend, Handle
from proxy.backends.choose import make_backend
from proxy.config import AppConfig, load
from proxy.errors import StartError
from tests.e2e.docker_engine import containers, needs_engine, write_docker_app
from tests.e2e.running import events, write_app

DEADLINE_SECONDS = 30
KINDS = ["process", pytest.param("docker", marks=needs_engine)]


class Bench:
    """One backend of an app in `folder`, and what it has started."""

    def __init__(self, kind: str, folder: Path, tasks: asyncio.TaskGroup) -> None:
        self.kind = kind
        self.folder = folder
        self._tasks = tasks

    def configured(self, server: str = "", entrypoint: str = "") -> AppConfig:
        write = write_app if self.kind == "process" else write_docker_app
        return load(write(self.folder, server=server, entrypoint=entrypoint))

    @asynccontextmanager
    async def backend(self, server: str = "", entrypoint: str = "") -> AsyncIterator[Backend]:
        backend = make_backend(self.kind, self.configured(server, entrypoint), self._tasks)
        await backend.check()
        assert list(await backend.find()) == []
        await backend.prepare()
        try:
            yield backend
        finally:
            await backend.close()
        assert self.left() == []

    @asynccontextmanager
    async def replica(self, server: str = "", entrypoint: str = "") -> AsyncIterator[Handle]:
        async with self.backend(server, entrypoint) as backend:
            handle = await backend.start("demo-1")
            try:
                yield handle
            finally:
                await handle.kill()
                await handle.wait()

    def left(self) -> list[Any]:
        if self.kind == "docker":
            return containers(self.folder)
        return [child for child in psutil.Process().children() if _ours(child)]


def _ours(process: psutil.Process) -> bool:
    """Not the guard, which may serve other backends."""
    try:
        return "fake_server" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    async def bounded(scenario: Callable[[Bench], Awaitable[None]]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
            await scenario(Bench(request.param, tmp_path, tasks))

    return lambda scenario: uvloop.run(bounded(scenario))


Run = Callable[[Callable[[Bench], Awaitable[None]]], None]


async def until(condition: Callable[[], object]) -> None:
    """Bounded by the deadline of `run`."""
    while not condition():
        await asyncio.sleep(0.01)


async def answer(handle: Handle, path: str = "/") -> Any:  # a JSON document
    """Of the fake server, as soon as it listens."""
    url = f"http://{handle.host}:{handle.port}{path}"
    while True:
        try:
            with await asyncio.to_thread(urllib.request.urlopen, url, timeout=2) as response:
                return json.load(response)
        except OSError:
            await asyncio.sleep(0.01)


def test_a_started_replica_answers_at_its_address_with_its_own_id(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.replica() as handle:
            assert (await answer(handle))["replica"] == "demo-1"
            assert handle.identity.keys() <= {"pid", "container_id"}

    run(scenario)


def test_replicas_that_run_together_have_different_addresses(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.backend() as backend:
            handles = await asyncio.gather(*(backend.start(f"demo-{number}") for number in range(3)))
            assert len({(handle.host, handle.port) for handle in handles}) == 3
            for handle in handles:
                await handle.kill()
                await handle.wait()

    run(scenario)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "exited with code 0"),
        ("echo last words; exit 3", "exited with code 3"),
    ],
)
def test_the_reason_of_an_exit_is_known_to_all_who_wait(run: Run, script: str, reason: str) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.replica(entrypoint=f"sh -c '{script}'") as handle:
            exits = await asyncio.gather(handle.wait(), handle.wait())
            assert {ended.reason for ended in (*exits, await handle.wait())} == {reason}
            assert handle.last_lines() == (("last words",) if "words" in script else ())
            await handle.terminate()

    run(scenario)


def test_output_is_kept_in_order_to_its_end_and_bounded(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.replica(entrypoint="sh -c 'seq 20000; printf without-newline'") as handle:
            await handle.wait()
            assert handle.last_lines() == (*(str(number) for number in range(19802, 20001)), "without-newline")

    run(scenario)


def test_sigterm_lets_a_server_finish(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.replica() as handle:
            await answer(handle)
            asking = asyncio.to_thread(urllib.request.urlopen, f"http://{handle.host}:{handle.port}/sleep/0.5")
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(asking)
                await until(lambda: len(events(bench.folder, "request")) == 2)
                await handle.terminate()
            with asked.result() as response:
                assert response.status == 200
            assert (await handle.wait()).reason == "exited with code 0"
            assert len(events(bench.folder, "term")) == 1

    run(scenario)


def test_kill_ends_a_replica_that_ignores_sigterm(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.replica("term=ignore") as handle:
            await answer(handle)
            await handle.terminate()
            await until(lambda: events(bench.folder, "term"))
            assert (await answer(handle))["most"] == 1
            await handle.kill()
            assert (await handle.wait()).reason == "killed by SIGKILL"

    run(scenario)


@pytest.mark.parametrize("seconds", [0, 0.02, 0.1, 0.3])
def test_a_start_that_is_cancelled_leaves_nothing(run: Run, seconds: float) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.backend() as backend:
            async with asyncio.TaskGroup() as tasks:
                starting = tasks.create_task(backend.start("demo-1"))
                await asyncio.sleep(seconds)
                starting.cancel()
            if not starting.cancelled():  # it was faster
                await starting.result().kill()
            await until(lambda: bench.left() == [])

    run(scenario)


def test_what_a_replica_uses_is_measured_until_it_is_gone(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.backend(entrypoint="sh -c 'while :; do :; done'") as backend:
            handle = await backend.start("demo-1")
            before = (await backend.consumption({"demo-1": handle}))["demo-1"]
            await asyncio.sleep(0.2)
            after = (await backend.consumption({"demo-1": handle}))["demo-1"]
            assert after.cpu_seconds > before.cpu_seconds
            assert after.memory_bytes > 100_000
            await handle.kill()
            await handle.wait()
            gone = await backend.consumption({"demo-1": handle})
            assert all(one.memory_bytes == 0 for one in gone.values())

    run(scenario)


def test_a_program_that_cannot_be_run_is_a_start_error_that_says_what_to_mend(run: Run) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.backend(entrypoint="sh -c 'exit 0'") as backend:
            pass
        config = bench.configured(entrypoint="no-such-server --port $PORT")
        backend = make_backend(bench.kind, config, bench._tasks)
        await backend.prepare()
        with pytest.raises(StartError, match=r"no-such-server[\s\S]*entrypoint"):
            await backend.start("demo-1")
        await backend.close()

    run(scenario)

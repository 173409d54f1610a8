"""Scaling down again and again under load: no request is lost."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import uvloop

from proxy.app import Proxy
from proxy.config import load
from proxy.core.replica import Replica
from proxy.wiring import Options
from tests.e2e.docker_engine import containers, needs_engine, remove_left, write_docker_app

pytestmark = needs_engine

SCALING = "[cerebrium.scaling]\nmin_replicas = 4\nmax_replicas = 4\nreplica_concurrency = 1\n"
SCALE_DOWNS = 50
CLIENTS = 3


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    remove_left(tmp_path)


class Load:
    """Clients that ask without a pause, and what they were answered."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[int | str] = Counter()
        self.stopped = False
        self._url = url

    async def ask(self, session: aiohttp.ClientSession) -> None:
        while not self.stopped:
            try:
                async with session.post(self._url) as response:
                    said = await response.read()
                    self.answers[200 if response.status == 200 else said.decode()] += 1
            except aiohttp.ClientError as error:
                self.answers[repr(error)] += 1


async def scale_down_under_load(folder: Path) -> Counter[int | str]:
    options = Options(backend="docker", port=0, admin_port=0)
    announced: asyncio.Queue[str] = asyncio.Queue()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        proxy = Proxy([load(folder)], options, tasks)
        running = tasks.create_task(proxy.run(announced.put_nowait))
        url = (await announced.get()).split(" on ")[1].split()[0]
        asking = Load(f"{url}/sleep/0.01")
        clients = [tasks.create_task(asking.ask(session)) for _ in range(CLIENTS)]
        await drain_often(proxy)
        asking.stopped = True
        await asyncio.wait(clients)
        signal.raise_signal(signal.SIGTERM)
        await running
        raise_after = asking.answers
        for task in tuple(tasks._tasks):  # the loops that end with their proxy
            task.cancel()
    return raise_after


async def drain_often(proxy: Proxy) -> None:
    (app,) = proxy.apps
    choice = random.Random(4)
    drained: list[Replica] = []
    while len(drained) < SCALE_DOWNS:
        ready = [replica for replica in app.pool if replica.routable]
        if len(ready) > 1:
            drained.append(choice.choice(ready))
            app.lifecycle.drain(drained[-1], asyncio.get_running_loop().time())
        await asyncio.sleep(choice.uniform(0, 0.2))


def test_no_request_fails_in_fifty_scale_downs(tmp_path: Path) -> None:
    write_docker_app(tmp_path, SCALING)
    answers = uvloop.run(scale_down_under_load(tmp_path))
    assert answers.keys() == {200}, answers
    assert answers[200] > 100
    assert containers(tmp_path) == []

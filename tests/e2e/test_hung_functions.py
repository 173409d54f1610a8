"""A function that blocks its server's loop for ever, behind `tidegate up` without a gate between them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.running import DEADLINE_SECONDS, eventually, running

MAIN = """
import os, time

def process():
    return os.getpid()

async def hang():
    while True:
        time.sleep(1)
"""
TOML = """
[cerebrium.deployment]
name = "demo"
[cerebrium.scaling]
min_replicas = 1
[tidegate.probes]
interval_seconds = 0.2
timeout_seconds = 1
failures = 2
"""


class Call(threading.Thread):
    """One call of a function, over a connection of its own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.status = 0
        self.document: Any = None  # JSON documents are of any type
        self.start()

    def run(self) -> None:
        asyncio.run(self._post())

    async def _post(self) -> None:
        async with aiohttp.ClientSession() as session, session.post(self._url, data="{}") as response:
            self.status, self.document = response.status, await response.json()

    def end(self) -> Call:
        self.join(2 * DEADLINE_SECONDS)
        return self


def test_a_hung_replica_is_replaced_soon_and_its_requests_get_504(tmp_path: Path) -> None:
    (tmp_path / "cerebrium.toml").write_text(TOML)
    (tmp_path / "main.py").write_text(MAIN)
    with running(tmp_path) as up:
        before = Call(up.url + "/process").end().document["result"]
        hung = [Call(up.url + "/hang") for _ in range(2)]
        eventually(lambda: up.view()["in_flight"] == 2)
        eventually(lambda: up.failures() != [])
        after = Call(up.url + "/process").end()  # long before those that hang are answered
        assert (after.status, all(call.is_alive() for call in hung)) == (200, True)
        assert after.document["result"] != before
        (failure,) = up.failures()
        assert failure["reason"] == "its health check failed 2 times: /health did not answer within 1 s"
        answers = [call.end() for call in hung]
        assert [(call.status, call.document["error"]["type"]) for call in answers] == [(504, "gateway_timeout")] * 2
        assert up.states() == ["ready"]
        assert "is killed: it ran for 15 s after SIGTERM" in up.log()

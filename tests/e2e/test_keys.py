"""Keys as their users meet them: made and revoked beside a running proxy."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.running import SOON_SECONDS, TIDEGATE, Up, eventually, running

MAIN = """
import asyncio

async def hold(seconds: float = 0.0):
    await asyncio.sleep(seconds)
    return "held"
"""
TOML = """
[cerebrium.deployment]
name = "demo"
disable_auth = false
[cerebrium.scaling]
replica_concurrency = 5
"""


class Locked:
    """A running proxy with one app, and the command for its keys."""

    def __init__(self, up: Up, folder: Path) -> None:
        self.up = up
        self.folder = folder

    def keys(self, *words: str) -> str:
        environment = {**os.environ, "TIDEGATE_STATE": str(self.folder / "state")}
        return subprocess.run(
            [TIDEGATE, "keys", *words], env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def completed(self, key: str, path: str) -> bool:
        return bool(self.up.get(path, authorization=f"Bearer {key}").json["status"] == "completed")

    def post(self, key: str, path: str = "/hold", **values: object) -> tuple[int, dict[str, str], bytes]:
        """Status, header and body."""
        where = urlsplit(self.up.url)
        connection = HTTPConnection(str(where.hostname), where.port, timeout=20)
        connection.request("POST", path, json.dumps(values), {"authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        said = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return said


@pytest.fixture(name="locked", scope="module")
def locked_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "cerebrium.toml").write_text(TOML)
    (folder / "main.py").write_text(MAIN)
    with running(folder) as up:
        yield Locked(up, folder)


def test_a_key_opens_a_running_proxy_within_a_second_and_revoking_it_closes_it(locked: Locked) -> None:
    assert "no key opens app demo: make one with `tidegate keys add`" in locked.up.log()
    assert locked.post("")[0] == 401
    key = locked.keys("add", "ann")
    eventually(lambda: locked.post(key)[0] == 200, SOON_SECONDS)
    assert locked.post(key + "x")[0] == 403
    locked.keys("revoke", "ann")
    eventually(lambda: locked.post(key)[0] == 403, SOON_SECONDS)
    assert key.split("_", 2)[2] not in locked.up.log()


def test_an_operator_sees_when_a_key_was_used_last(locked: Locked) -> None:
    used, unused = (json.loads(locked.keys("add", "--json"))["key"] for _ in range(2))
    eventually(lambda: locked.post(used)[0] == 200, SOON_SECONDS)
    run_id = json.loads(locked.post(used, "/hold?async=true")[2])["run_id"]
    eventually(partial(locked.completed, used, f"/runs/{run_id}"))
    locked.keys("revoke", used.split("_")[1])
    said = locked.keys("list", "--json", "--admin", locked.up.admin)
    uses = {key["id"]: key["use"] for key in json.loads(said)}
    one, other = uses[used.split("_")[1]], uses[unused.split("_")[1]]
    assert one["requests"] >= 3
    assert one["since"] < one["last_used_at"] <= datetime.now(UTC).isoformat()
    assert (other["requests"], other["in_flight"], other["last_used_at"]) == (0, 0, None)
    assert used.split("_", 2)[2] not in said


def test_over_its_rate_a_key_is_told_when_to_come_back(locked: Locked) -> None:
    key = locked.keys("add", "--rate", "0.1")
    eventually(lambda: locked.post(key)[0] == 200, SOON_SECONDS)
    status, header, body = locked.post(key)
    assert status == 429
    assert 8 <= int(header["retry-after"]) <= 10
    assert json.loads(body)["error"]["type"] == "rate_limited"


def test_runs_of_a_key_wait_for_each_other_and_nobody_else_sees_them(locked: Locked) -> None:
    key = locked.keys("add", "--concurrency", "1")
    eventually(lambda: locked.post(key)[0] == 200, SOON_SECONDS)
    ids = [json.loads(locked.post(key, "/hold?async=true", seconds=0.3)[2])["run_id"] for _ in range(2)]
    assert locked.post("", "/hold?async=true")[0] == 401
    for run_id in ids:
        path = f"/runs/{run_id}"
        assert locked.up.get(path).status == 401
        assert locked.up.get(path, authorization="Bearer tg_0_0").status == 403
        eventually(partial(locked.completed, key, path))
    assert key.split("_", 2)[2] not in locked.up.log()


def test_an_upgrade_needs_a_key_too(locked: Locked) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(locked.up.url.replace("http", "ws"), proxy=None)
    assert refused.value.response.status_code == 401

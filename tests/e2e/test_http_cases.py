"""Every case of the raw HTTP/1.1 collection, against `tidegate up` with one static replica.

The collection lies beside the checkout; its own runner plays the client and the replica.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.running import running

HTTP_CASES = Path(__file__).parents[3] / "shared" / "http-cases"
SHARDS = 6  # they wait far more than they work
SHARD_SECONDS = 100
ACCEPTED: dict[str, str] = {}  # cases below MUST that we fail on purpose, with the reason

CONFIG = """
[cerebrium.deployment]
name = "raw"
[cerebrium.scaling]
replica_concurrency = 1000
response_grace_period = 20
[tidegate]
backend = "static"
[tidegate.static]
replicas = ["127.0.0.1:{port}"]
[tidegate.probes]
interval_seconds = 1
"""

Row = dict[str, object]


def free_port() -> int:
    """Not one that an outgoing connection may be given until the runner listens: those begin at 32768 (ip(7))."""
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(15_000, 32_000))) as one:
            return int(one.getsockname()[1])


def run_shard(folder: Path, ids: list[str]) -> list[Row]:
    folder.mkdir()
    port = free_port()
    (folder / "cerebrium.toml").write_text(CONFIG.format(port=port))
    with running(folder) as up:
        address = up.url.removeprefix("http://")
        command = [sys.executable, str(HTTP_CASES / "rawrun.py"), str(HTTP_CASES / "cases.json"), "--proxy", address]
        command += ["--upstream", f"127.0.0.1:{port}", "--json", str(folder / "rows.json")]
        command += ["--only", f"^(?:{'|'.join(map(re.escape, ids))})$"]
        subprocess.run(command, check=False, timeout=SHARD_SECONDS, stdout=subprocess.DEVNULL)
    rows: list[Row] = json.loads((folder / "rows.json").read_text())
    return rows


def said(row: Row) -> str:
    return f"{row['id']}: {row['invariant_failures']} {row['alternative_failures']}"


@pytest.mark.skipif(not HTTP_CASES.exists(), reason="the collection of raw HTTP cases is not beside this checkout")
def test_every_raw_case_that_must_hold_holds(tmp_path: Path) -> None:
    cases = json.loads((HTTP_CASES / "cases.json").read_text())["cases"]
    ids = [case["id"] for case in cases if not case.get("slow")]
    with ThreadPoolExecutor(SHARDS) as pool:
        shards = pool.map(
            run_shard, (tmp_path / str(n) for n in range(SHARDS)), (ids[n::SHARDS] for n in range(SHARDS))
        )
    rows = [row for shard in shards for row in shard]
    failed = [row for row in rows if not row["passed"]]
    assert len(rows) == len(ids)
    assert [said(row) for row in failed if row["level"] == "MUST"] == []
    assert [said(row) for row in failed if row["id"] not in ACCEPTED] == []

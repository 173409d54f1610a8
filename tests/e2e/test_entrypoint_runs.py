"""Asynchronous runs of the entrypoint alone, and its drain."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.entrypoint import Entrypoint, entrypoints
from tests.e2e.running import eventually

MAIN = """
import os, time

def hold(until: str):
    while not os.path.exists(until):
        time.sleep(0.01)
"""


def test_drain_of_the_entrypoint_waits_for_the_runs_that_it_promised(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    with entrypoints(tmp_path):
        entrypoint = Entrypoint(tmp_path, ("--limit", "1"), TIDEGATE_STATE=str(tmp_path / "state"))
        try:
            entrypoint.ready()
            until = json.dumps({"until": str(tmp_path / "enough")})
            promised = [entrypoint.ask("/hold?async=true", until) for _ in range(2)]
            assert [status for status, _ in promised] == [202, 202]
            assert entrypoint.ask(f"/runs/{promised[0][1]['run_id']}")[1]["status"] == "running"
            entrypoint.signal()
            eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
            (tmp_path / "enough").touch()
            eventually(lambda: entrypoint.popen.poll() is not None)
            assert entrypoint.exit_code() == 0
        finally:
            entrypoint.close()
    with closing(sqlite3.connect(tmp_path / "state" / "runs.sqlite")) as database:
        assert database.execute("SELECT status FROM runs").fetchall() == [(200,), (200,)]

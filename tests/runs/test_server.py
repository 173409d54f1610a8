"""Runs that cannot be promised."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from pathlib import Path

import psutil
import pytest

from proxy.errors import NoReplica
from proxy.net.deadlines import Deadlines
from proxy.runs.inside import InsideSite
from proxy.runs.server import _refuse, open_server


def test_who_waits_for_a_promise_that_cannot_be_kept_is_told_why() -> None:
    async def scenario() -> None:
        begun = asyncio.get_running_loop().create_future()
        _refuse(begun, sqlite3.OperationalError("database or disk is full"))
        _refuse(begun, OSError("a second time"))
        with pytest.raises(NoReplica, match="the run cannot be kept: database or disk is full"):
            await begun

    asyncio.run(scenario())


def test_a_server_that_cannot_be_opened_leaves_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path))
    (tmp_path / "runs.sqlite").mkdir()
    gc.collect()  # what earlier tests have left is not counted

    async def open_files_after_trying(tasks: asyncio.TaskGroup) -> int:
        with pytest.raises(sqlite3.Error):
            await open_server([], InsideSite([], Deadlines(1.0), "word"), tasks, b"http")
        return psutil.Process().num_fds()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            first, again = [await open_files_after_trying(tasks) for _ in range(2)]
            assert first == again

    asyncio.run(scenario())

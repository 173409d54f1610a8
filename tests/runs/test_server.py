"""Runs that cannot be promised."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from proxy.errors import NoReplica
from proxy.runs.server import _refuse


def test_who_waits_for_a_promise_that_cannot_be_kept_is_told_why() -> None:
    async def scenario() -> None:
        begun = asyncio.get_running_loop().create_future()
        _refuse(begun, sqlite3.OperationalError("database or disk is full"))
        _refuse(begun, OSError("a second time"))
        with pytest.raises(NoReplica, match="the run cannot be kept: database or disk is full"):
            await begun

    asyncio.run(scenario())

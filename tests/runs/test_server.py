"""Bodies of runs on their way to the disk."""

from __future__ import annotations

import asyncio
import errno
import io
import sqlite3
from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiohttp import web

from proxy.errors import BodyTooLarge, NoReplica
from proxy.runs.server import _refuse, _spool


class FakeRequest:
    """Brings its body in pieces; it is its own `content`."""

    content_length = None

    def __init__(self, *pieces: bytes) -> None:
        self.content = self
        self._pieces = pieces

    async def iter_any(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class FullDisk(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def spool(body: io.BytesIO, *pieces: bytes, limit: int = 100) -> None:
    asyncio.run(_spool(cast(web.BaseRequest, FakeRequest(*pieces)), body, limit))


def test_a_body_that_the_disk_does_not_take_is_refused_in_words() -> None:
    with pytest.raises(NoReplica, match="the run cannot be kept: No space left on device"):
        spool(FullDisk(), b"abc")


def test_a_body_over_the_limit_is_refused_when_it_crosses_it() -> None:
    body = io.BytesIO()
    with pytest.raises(BodyTooLarge):
        spool(body, b"a" * 60, b"b" * 60, b"c" * 60)
    assert len(body.getvalue()) == 60


def test_who_waits_for_a_promise_that_cannot_be_kept_is_told_why() -> None:
    async def scenario() -> None:
        begun = asyncio.get_running_loop().create_future()
        _refuse(begun, sqlite3.OperationalError("database or disk is full"))
        _refuse(begun, OSError("a second time"))
        with pytest.raises(NoReplica, match="the run cannot be kept: database or disk is full"):
            await begun

    asyncio.run(scenario())

"""Bodies of runs on their way to the disk."""

from __future__ import annotations

import asyncio
import errno
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from proxy.errors import BodyTooLarge, NoReplica
from proxy.runs.body import Body, Room


class FakeRequest:
    """Brings its body in pieces; it is its own `content`."""

    def __init__(self, *pieces: bytes, announced: int | None = None) -> None:
        self.content = self
        self.content_length = announced
        self._pieces = pieces

    async def iter_any(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class FullDisk(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def fill(body: Body, *pieces: bytes, limit: int = 100, announced: int | None = None) -> None:
    asyncio.run(body.fill(cast(web.BaseRequest, FakeRequest(*pieces, announced=announced)), limit))


def test_a_body_that_the_disk_does_not_take_is_refused_in_words(tmp_path: Path) -> None:
    with Body(Room(), tmp_path) as body:
        body.file.close()
        body.file = FullDisk()
        with pytest.raises(NoReplica, match="the run cannot be kept: No space left on device"):
            fill(body, b"abc")


def test_a_body_over_the_limit_is_refused_when_it_crosses_it(tmp_path: Path) -> None:
    with Body(Room(), tmp_path) as body:
        with pytest.raises(BodyTooLarge):
            fill(body, b"a" * 60, b"b" * 60, b"c" * 60)
        assert body.file.tell() == 60


@pytest.mark.parametrize("announced", [None, 60])
def test_bodies_take_no_more_together_than_their_share_of_the_disk(announced: int | None, tmp_path: Path) -> None:
    room = Room(100)
    with Body(room, tmp_path) as first:
        fill(first, b"a" * 60)
        with (
            Body(room, tmp_path) as other,
            pytest.raises(NoReplica, match="take 100 bytes, and take 60 without it"),
        ):
            fill(other, b"b" * 30, b"b" * 30, announced=announced)
        assert room.taken == 60
    assert room.taken == 0
    with Body(room, tmp_path) as later:
        fill(later, b"c" * 60)


def test_a_body_alone_may_be_larger_than_the_share_of_all(tmp_path: Path) -> None:
    room = Room(10)
    with Body(room, tmp_path) as large, Body(room, tmp_path) as other:
        fill(large, b"a" * 60)
        with pytest.raises(NoReplica):
            fill(other, b"b")
    assert room.taken == 0

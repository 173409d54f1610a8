"""The logs API: what the replicas of an app printed, and what they print now."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import orjson
from aiohttp import web

from proxy.admin.query import count
from proxy.admin.views import Document
from proxy.backends.follower import Follower, Line
from proxy.backends.transcripts import Transcripts
from proxy.errors import ReplicaNotFound

_LINES = 200
_MOST_LINES = 10_000
# A reader that has gone is noticed so late where nothing is printed.
_LOOK_SECONDS = 5.0


class Logs:
    """Answers from the transcripts; a stream ends when its reader goes, or with `close`."""

    def __init__(self, transcripts: Transcripts) -> None:
        self._transcripts = transcripts

    def close(self) -> None:
        self._transcripts.end_followers()

    async def replicas(self, app: str) -> list[str]:
        """The ids of those of which something is kept, the one that printed last before the others."""
        return await self._transcripts.replicas(app)

    async def answer(self, request: web.Request, app: str, running: Iterable[str]) -> web.StreamResponse:
        """The last `lines` of `replica` or of all, as JSON; with `follow`, a JSON object a line, without
        end, and an empty line now and then.

        `running` are the ids of the replicas that live, which may not have printed anything yet.
        Raises BadRequest, ReplicaNotFound.
        """
        most, replica = count(request, "lines", _LINES, _MOST_LINES), request.query.get("replica") or None
        if replica is not None:
            await self._check(app, replica, running)
        if request.query.get("follow", "") in {"", "0", "false"}:
            lines = await self._transcripts.read(app, replica, most)
            return web.Response(body=orjson.dumps(_documents(lines)), content_type="application/json")
        with self._transcripts.follow(app, replica) as follower:
            lines = await self._transcripts.read(app, replica, most)
            told = set(lines)  # what came while the files were read may be in both
            fresh = [line for line in follower.take() if line not in told]
            return await _follow(request, [*lines, *fresh], follower)

    async def _check(self, app: str, replica: str, running: Iterable[str]) -> None:
        known = await self._transcripts.replicas(app)
        if replica not in known and replica not in set(running):
            there = f"there are: {', '.join(known)}" if known else "there are none"
            raise ReplicaNotFound(f"there are no logs of a replica {replica} of {app}; {there}")


async def _follow(request: web.Request, lines: list[Line], follower: Follower) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/x-ndjson", "cache-control": "no-store"})
    await response.prepare(request)
    with suppress(ConnectionError):  # the reader has gone
        await response.write(_rows(lines))
        while not follower.ended and request.transport is not None:
            await follower.wait(_LOOK_SECONDS)
            await response.write(_rows(follower.take()) or b"\n")  # only a write finds out that the reader is gone
    return response


def _documents(lines: Iterable[Line]) -> list[Document]:
    return [line._asdict() for line in lines]


def _rows(lines: Iterable[Line]) -> bytes:
    return b"".join(orjson.dumps(document) + b"\n" for document in _documents(lines))

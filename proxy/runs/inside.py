"""The way of a run's request through the app's own queue, slots and limits: a listener that only we know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import IO

import aiohttp
from yarl import URL

from proxy.core.allowance import Allowance
from proxy.errors import AppNotFound
from proxy.net.deadlines import Deadlines
from proxy.net.listener import Listener
from proxy.net.service import Route, Service
from proxy.net.site import Site
from proxy.wire.request import Request

_PIECE_BYTES = 65_536
# As large as the data port's can be: what came through there passes here.
_MAX_HEADER_BYTES = 1 << 20
# For one connection only, or said anew by the client or the listener.
_NOT_PASSED_ON = frozenset(
    ("connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via")
)
_OURS = frozenset(("x-webhook-secret", "x-forwarded-host", "x-forwarded-proto"))


class InsideSite(Site):
    """Routes by the number that a target begins with, after a word that only this process knows."""

    def __init__(self, services: Sequence[Service], deadlines: Deadlines, word: str) -> None:
        super().__init__(services, deadlines)
        self.word = word
        self._services = services
        self._prefix = f"/{word}/".encode()

    def route(self, request: Request) -> Route | None:
        number, _, rest = request.target.removeprefix(self._prefix).partition(b"/")
        if not request.target.startswith(self._prefix) or not number.isdigit() or int(number) >= len(self._services):
            raise AppNotFound("no app here matches this request")
        request.target = b"/" + rest  # the word is told to nobody
        return self._services[int(number)], request.target

    def admit(self, request: Request, service: Service, now: float) -> Allowance | None:
        """It was let in and counted at the door, perhaps long ago; meanwhile its key may have expired."""
        allowance = service.keys.identify(request.authorization, now, lapsed=True)
        allowance.join(service.pool.service_seconds)
        return allowance


class Inside:
    """Owns the listener and the client that asks it; `scheme` is what the runs' own clients speak."""

    def __init__(self, site: InsideSite, tasks: asyncio.TaskGroup, scheme: bytes) -> None:
        self._word = site.word
        self._tasks = tasks
        self._listener = Listener(site, _MAX_HEADER_BYTES)
        self._listener.scheme = scheme
        self._opened = AsyncExitStack()
        self._opened.callback(self._listener.close)

    async def open(self) -> None:
        """Close it in any case."""
        await self._listener.open("127.0.0.1", 0)
        self._opened.callback(self._tasks.create_task(self._listener.timeouts.run()).cancel)
        self._opened.push_async_callback(self._listener.drain)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),  # the listener ends what takes too long
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        self._opened.push_async_callback(self.session.close)

    def ask(
        self, number: int, method: str, target: bytes, headers: Sequence[tuple[str, str]], body: IO[bytes]
    ) -> aiohttp.client._RequestContextManager:
        """The request to the app with that number; `headers` as they came, with the host and the client in them."""
        url = URL(
            f"http://127.0.0.1:{self._listener.port}/{self._word}/{number}{target.decode('latin-1')}", encoded=True
        )
        body.seek(0, 2)
        size = body.tell()
        fields = [*headers, ("Content-Length", str(size))] if size or method not in ("GET", "HEAD") else headers
        return self.session.request(
            method, url, headers=fields, data=_pieces(body) if size else None, allow_redirects=False
        )

    async def close(self) -> None:
        await self._opened.aclose()


async def _pieces(body: IO[bytes]) -> AsyncIterator[bytes]:
    body.seek(0)
    while piece := body.read(_PIECE_BYTES):
        yield piece


def passed_on(headers: Mapping[str, str], run_id: str) -> list[tuple[str, str]]:
    """The fields of a request as its app gets them."""
    kept = [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _NOT_PASSED_ON and name.lower() not in _OURS and name.lower() != "x-request-id"
    ]
    return [*kept, ("x-request-id", run_id)]

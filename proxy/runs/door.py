"""The way into the runs: requests that ask for one go to a server of our own, which the first of them starts."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.core.allowance import Allowance
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.errors import AnswerError, NoReplica
from proxy.net.connections import Connections
from proxy.net.deadlines import NEVER, Deadlines
from proxy.net.passage import NOBODY
from proxy.net.service import Route, Service
from proxy.runs.order import read_order
from proxy.wire.request import Request

if TYPE_CHECKING:  # imported by the first run: few proxies have one, and the entrypoint has no time for it
    from proxy.runs.server import RunServer

_RUN = re.compile(rb"/runs/[0-9a-f]{32}(?:\?.*)?")
REPLICA = "runs"  # who answers, for those who are told of requests
_LIMIT = 10_000
_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0

log = logging.getLogger("tidegate.runs")


class _Knock:
    """Before anything is promised: whether the client may use the app. Its slots are counted where the run asks it."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def admit(self, authorization: bytes, now: float, _service_seconds: float) -> Allowance | None:
        if self._service.needs_key:
            self.identify(authorization, now).spend(now)
        return None

    def identify(self, authorization: bytes, now: float, lapsed: bool = False) -> Allowance:
        return self._service.keys.identify(authorization, now, lapsed)


class Door:
    """Looks, for the request path, like an app with one replica: so bodies stream, and clients may leave."""

    def __init__(self, services: Sequence[Service], tasks: asyncio.TaskGroup, deadlines: Deadlines) -> None:
        self._services: list[Service] = []  # an app's place in it is its number, also after it has gone
        self._tasks = tasks
        self._deadlines = deadlines
        self._word = secrets.token_urlsafe(24)
        self._pool = Pool(FirstAvailable(), _LIMIT, time.monotonic())
        self._pool.on_wait = self._wake
        self._connections = Connections(tasks, deadlines, _CONNECT_SECONDS)
        self._ways: dict[Service, Route] = {}
        self.serve(services)
        self.audience = NOBODY  # told of what runs ask their apps; set before the first of them
        self.scheme = b"http"  # what clients speak at the data port
        self._server: RunServer | None = None
        self._opening = False
        self.ended: Callable[[], None] = lambda: None  # something has; there may be nothing left to wait for

    def serve(self, services: Sequence[Service]) -> None:
        """Take runs of these, too."""
        for service in services:
            if service not in self._ways:
                self._ways[service] = self._way(service, len(self._services))
                self._services.append(service)

    @property
    def busy(self) -> bool:
        """There are runs that have not ended, or requests that may become runs."""
        return self._pool.demand.present > 0 or (self._server is not None and self._server.busy)

    def aside(self, request: Request, service: Service, target: bytes) -> Route:
        """Where a request for `service` goes."""
        if request.upgrade or not _for_runs(request, target):
            return service, target
        way, prefix = self._ways[service]
        return way, prefix + target

    def _way(self, service: Service, number: int) -> Route:
        """In the app's name; how long anything takes is the app's to limit, where the run asks it."""
        terms = replace(
            service.terms,
            grace_seconds=NEVER,
            first_byte_seconds=NEVER,
            idle_seconds=NEVER,
            max_body_bytes=0,
            needs_key=True,  # if the app does by then
            forwards_authorization=True,  # to ourselves: the app's own rule holds where the run asks it
        )
        way = Service(terms, self._pool, self._connections, self, self._deadlines)
        way.keys = _Knock(service)
        return way, f"/{self._word}/{number}".encode()

    def _wake(self) -> None:
        if self._server is None and not self._opening:
            self._opening = True
            self._tasks.create_task(self._open())

    async def _open(self) -> None:
        now = time.monotonic()
        replica = Replica(0, REPLICA, _LIMIT, now)
        try:
            module = await asyncio.to_thread(importlib.import_module, "proxy.runs.server")
            site = module.InsideSite(self._services, self._deadlines, self._word)
            site.audience = self.audience
            self._server = await module.open_server(self._services, site, self._tasks, self.scheme)
        except Exception as error:  # whatever it is, who waits is told, and the next one may have more luck
            log.warning("asynchronous runs and webhooks are not possible: %s", error)
            self._pool.refuse(_because(f"asynchronous runs and webhooks are not possible: {error}"), now)
            self._pool.refuse(None, now)
            return
        finally:
            self._opening = False
        self._server.ended = self.ended
        replica.host, replica.port = "127.0.0.1", self._server.port
        self._pool.add(replica)
        self._pool.apply(replica, Event.PASSED, time.monotonic())

    def waited(self, seconds: float) -> None:
        """Not counted: the request that a run makes of its app is."""

    def finished(self, status: int, seconds: float) -> None:
        self.ended()

    async def drain(self) -> None:
        """Return when every run that was accepted has ended, and its webhook has been posted."""
        if self._server is not None:
            await self._server.drain()

    async def close(self) -> None:
        """End now; runs that have not ended count as interrupted."""
        self._connections.close()
        server, self._server = self._server, None
        if server is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await server.close()
        except TimeoutError:
            log.warning("the runs' server has not closed within %g s", _CLOSE_SECONDS)


def _for_runs(request: Request, target: bytes) -> bool:
    if b"?" in target and read_order(target) is not None:
        return True
    return target.startswith(b"/runs/") and request.method == b"GET" and _RUN.fullmatch(target) is not None


def _because(reason: str) -> Callable[[], AnswerError]:
    return lambda: NoReplica(reason)

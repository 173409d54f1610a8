"""The dashboard's live view: one snapshot a second for all who watch, built once, and only while somebody does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import orjson
from aiohttp import web

from proxy.admin.apps import AdminApp
from proxy.admin.history import SAMPLE_SECONDS, History
from proxy.admin.views import Document, app_view, cold_start_view, decisions_view, failures_view

_PULSE_SECONDS = 1.0
_SHOWN_DECISIONS = 8
_SHOWN_FAILURES = 5

log = logging.getLogger("tidegate.admin")


class Live:
    """Owns the histories of all apps and who watches; `ready` says whether the data port accepts requests."""

    def __init__(self, apps: Iterable[AdminApp], ready: Callable[[], bool]) -> None:
        self._apps: list[AdminApp] = []
        self._ready = ready
        now = time.monotonic()
        self.histories: dict[str, History] = {}
        self._sampled_at = now
        self._viewers = 0
        self._closed = False
        self._frame = b""
        self._beat = asyncio.Event()
        for app in apps:
            self.add(app)

    def add(self, app: AdminApp) -> None:
        self._apps.append(app)
        self.histories[app.metrics.name] = History(app.metrics, time.monotonic())

    def remove(self, app: AdminApp) -> None:
        self._apps.remove(app)
        del self.histories[app.metrics.name]

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_PULSE_SECONDS)
            try:
                self.step(time.monotonic(), datetime.now(UTC))
            except Exception:  # a mistake of ours in what is shown must not end the proxy
                log.exception("the live view")

    def step(self, now: float, wall: datetime) -> None:
        """Take a sample where one is due, and show everybody the state of things."""
        if now - self._sampled_at >= SAMPLE_SECONDS - _PULSE_SECONDS / 2:
            self._sampled_at = now
            for history in self.histories.values():
                history.sample(now, wall)
        if self._viewers:
            self._show(self._built(wall))

    def close(self) -> None:
        """Let every stream end."""
        self._closed = True
        self._show(b"")

    def _show(self, frame: bytes) -> None:
        self._frame = frame
        beat, self._beat = self._beat, asyncio.Event()
        beat.set()

    def _built(self, wall: datetime) -> bytes:
        document = {
            "at": wall.isoformat(timespec="milliseconds"),
            "ready": self._ready(),
            "apps": [_view(app, self.histories) for app in self._apps],
        }
        return b"data: " + orjson.dumps(document) + b"\n\n"

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events, each the whole state; a viewer that reads slowly misses some."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
        await response.prepare(request)
        self._viewers += 1
        try:
            await response.write(self._built(datetime.now(UTC)))
            while not self._closed:
                await self._beat.wait()
                await response.write(self._frame)
        except ConnectionError:  # the viewer has gone
            pass
        finally:
            self._viewers -= 1
        return response


def _view(app: AdminApp, histories: Mapping[str, History]) -> Document:
    return {
        **app_view(app),
        "concurrency": app.config.scaling.replica_concurrency,
        "cold_start": cold_start_view(app),
        "decisions": decisions_view(app, _SHOWN_DECISIONS),
        "failures": failures_view(app, _SHOWN_FAILURES),
        "sample": histories[app.config.name].last(),
    }

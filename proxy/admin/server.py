"""The admin port: health, metrics and the API, served by aiohttp beside the request path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import orjson
from aiohttp import web

from proxy.admin.apps import AdminApp
from proxy.admin.origin import same_origin
from proxy.admin.scale import scaled
from proxy.admin.views import Document, app_view, decisions_view, limits_view
from proxy.core.autoscaler.record import RECORDS_KEPT
from proxy.errors import AnswerError, AppNotFound, BadRequest
from proxy.metrics import TidegateCollector, render

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AdminServer:
    """Answers from what it was given; `ready` says whether the data port accepts requests."""

    def __init__(self, apps: Mapping[str, AdminApp], ready: Callable[[], bool]) -> None:
        self._apps = apps
        self._ready = ready
        self._collector = TidegateCollector(app.metrics for app in apps.values())
        self._runner: web.AppRunner | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen and return the port; raises OSError if the address cannot be had. Close it in any case."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[same_origin])
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/api/apps", self._list),
                web.get("/api/apps/{app}", self._show),
                web.get("/api/apps/{app}/decisions", self._decisions),
                web.get("/api/apps/{app}/scale", self._limits),
                web.post("/api/apps/{app}/scale", self._scale),
            ]
        )
        return application

    async def _healthz(self, _: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self._ready()
        return _json({"ready": ready}, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=render(self._collector), headers={"content-type": METRICS_TYPE})

    async def _list(self, _: web.Request) -> web.Response:
        return _json([app_view(app) for app in self._apps.values()])

    async def _show(self, request: web.Request) -> web.Response:
        return self._about(request, app_view)

    async def _decisions(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", str(RECORDS_KEPT))
        if not limit.isdecimal() or int(limit) < 1:
            return _refused(BadRequest(f"limit must be a whole number from 1 on, not {limit}"))
        return self._about(request, partial(decisions_view, limit=int(limit)))

    async def _limits(self, request: web.Request) -> web.Response:
        return self._about(request, limits_view)

    async def _scale(self, request: web.Request) -> web.Response:
        body = await request.read()
        return self._about(request, lambda app: scaled(app, body))

    def _about(self, request: web.Request, view: Callable[[AdminApp], Document | list[Document]]) -> web.Response:
        """What `view` shows of the app that is asked for, or why it does not."""
        name = request.match_info["app"]
        try:
            if name not in self._apps:
                raise AppNotFound(f"no app is called {name}; there are: {', '.join(self._apps)}")
            return _json(view(self._apps[name]))
        except AnswerError as error:
            return _refused(error)


def _refused(error: AnswerError) -> web.Response:
    return _json({"error": {"type": error.type, "message": str(error)}}, status=error.status)


def _json(document: Document | list[Document], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")

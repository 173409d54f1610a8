"""The admin port: health, metrics and the API, served by aiohttp beside the request path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from proxy.admin.apps import AdminApp
from proxy.admin.views import Document, app_view
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
        application = web.Application()
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/api/apps", self._list),
                web.get("/api/apps/{app}", self._show),
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
        name = request.match_info["app"]
        app = self._apps.get(name)
        if app is None:
            message = f"no app is called {name}; there are: {', '.join(self._apps)}"
            return _json({"error": {"type": "app_not_found", "message": message}}, status=404)
        return _json(app_view(app))


def _json(document: Document | list[Document], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")

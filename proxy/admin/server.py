"""The admin port: dashboard, health, metrics and the API, served by aiohttp beside the request path."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web

from proxy.admin.answers import json_response, mark, sentences
from proxy.admin.apps import AdminApp
from proxy.admin.live import Live
from proxy.admin.lock import Lock
from proxy.admin.logs import Logs
from proxy.admin.origin import known_host, same_origin
from proxy.admin.page import Page
from proxy.admin.query import count
from proxy.admin.replicas import drained, restarted
from proxy.admin.scale import scaled
from proxy.admin.views import Document, app_view, decisions_view, failures_view, keys_view, limits_view
from proxy.backends.transcripts import Transcripts
from proxy.core.allowance import Allowance
from proxy.core.autoscaler.record import RECORDS_KEPT
from proxy.errors import AppNotFound, BadRequest, UserError
from proxy.metrics import AppMetrics, TidegateCollector, render

_REPLICA_LOG = logging.getLogger("tidegate.replica")  # every line that a replica prints
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AdminServer:
    """Answers from what it was given, and keeps what has been seen.

    `logs` is the folder for what replicas print; `ready` says whether the data port accepts requests; without a
    `lock` it is open to whoever reaches it.
    """

    def __init__(
        self, apps: Mapping[str, AdminApp], logs: Path, ready: Callable[[], bool], lock: Lock | None = None
    ) -> None:
        self._apps: dict[str, AdminApp] = {}
        self._lock = lock
        self._ready = ready
        self._metrics_of: list[AppMetrics] = []
        self._collector = TidegateCollector(self._metrics_of, lambda: len(asyncio.all_tasks()))
        self._live = Live((), ready)
        self._transcripts = Transcripts(logs, self._living)
        self.reload: Callable[[bool], Awaitable[Document]] = _no_reload
        self.allowances: Callable[[], Mapping[str, Allowance]] = dict
        self._made_at = time.monotonic()
        self._logs = Logs(self._transcripts)
        self._page = Page()
        self._runner: web.AppRunner | None = None
        for app in apps.values():
            self.show(app)

    def show(self, app: AdminApp) -> None:
        """One more app, or another of that name."""
        before = self._apps.get(app.metrics.name)
        if before is not None:
            self.hide(before)
        self._apps[app.metrics.name] = app
        self._metrics_of.append(app.metrics)
        self._live.add(app)

    def hide(self, app: AdminApp) -> None:
        """It is gone."""
        if self._apps.get(app.metrics.name) is app:
            del self._apps[app.metrics.name]
            self._metrics_of.remove(app.metrics)
            self._live.remove(app)

    def _living(self, name: str) -> list[str]:
        app = self._apps.get(name)
        return [replica.id for replica in app.pool] if app is not None else []

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen and return the port; raises OSError if the address cannot be had. Close it in any case."""
        _REPLICA_LOG.addHandler(self._transcripts)
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=tls).start()
        return int(self._runner.addresses[0][1])

    async def run(self) -> None:
        """Keep histories, live views and logs up to date."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._live.run())
            tasks.create_task(self._transcripts.run())

    async def close(self) -> None:
        self._live.close()
        self._logs.close()
        if self._runner is not None:
            await self._runner.cleanup()
        _REPLICA_LOG.removeHandler(self._transcripts)
        await self._transcripts.keep()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[sentences, same_origin])
        application.on_response_prepare.append(mark)
        if self._lock is None:
            application.middlewares.append(known_host)
        else:
            application.middlewares.append(self._lock.guard)
            application.router.add_post("/login", self._lock.login)
        application.add_routes(
            [
                web.get("/", self._page.index),
                web.get("/page/{file}", self._page.file),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/api/live", self._live.stream),
                web.get("/api/apps", self._list),
                web.get("/api/apps/{app}", self._show),
                web.get("/api/apps/{app}/decisions", self._decisions),
                web.get("/api/apps/{app}/failures", self._failures),
                web.get("/api/apps/{app}/history", self._history),
                web.get("/api/apps/{app}/logs", self._lines),
                web.get("/api/apps/{app}/logs/replicas", self._printed),
                web.get("/api/apps/{app}/scale", self._limits),
                web.post("/api/apps/{app}/scale", self._scale),
                web.post("/api/reload", self._reload),
                web.get("/api/keys", self._keys),
                web.post("/api/apps/{app}/replicas/{replica}/drain", self._drain),
                web.post("/api/apps/{app}/replicas/{replica}/restart", self._restart),
            ]
        )
        return application

    async def _healthz(self, _: web.Request) -> web.Response:
        return json_response({"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self._ready()
        return json_response({"ready": ready}, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=render(self._collector), headers={"content-type": METRICS_TYPE})

    async def _list(self, _: web.Request) -> web.Response:
        return json_response([app_view(app) for app in self._apps.values()])

    async def _show(self, request: web.Request) -> web.Response:
        return json_response(app_view(self._app(request)))

    async def _decisions(self, request: web.Request) -> web.Response:
        return json_response(decisions_view(self._app(request), count(request, "limit", RECORDS_KEPT)))

    async def _failures(self, request: web.Request) -> web.Response:
        return json_response(failures_view(self._app(request)))

    async def _history(self, request: web.Request) -> web.Response:
        return json_response(self._live.histories[self._app(request).config.name].document())

    async def _lines(self, request: web.Request) -> web.StreamResponse:
        app = self._app(request)
        return await self._logs.answer(request, app.config.name, [replica.id for replica in app.pool])

    async def _printed(self, request: web.Request) -> web.Response:
        return json_response(await self._logs.replicas(self._app(request).config.name))

    async def _limits(self, request: web.Request) -> web.Response:
        return json_response(limits_view(self._app(request)))

    async def _scale(self, request: web.Request) -> web.Response:
        return json_response(scaled(self._app(request), await request.read()))

    async def _reload(self, request: web.Request) -> web.Response:
        anyway = request.query.get("replace", "") not in {"", "0", "false"}
        try:
            return json_response(await self.reload(anyway))
        except UserError as error:  # what is served goes on as it was
            raise BadRequest(str(error)) from None

    async def _keys(self, _: web.Request) -> web.Response:
        return json_response(keys_view(self.allowances(), self._made_at))

    async def _drain(self, request: web.Request) -> web.Response:
        return self._with_replica(request, drained)

    async def _restart(self, request: web.Request) -> web.Response:
        return self._with_replica(request, restarted)

    def _with_replica(self, request: web.Request, do: Callable[[AdminApp, str], Document]) -> web.Response:
        return json_response(do(self._app(request), request.match_info["replica"]))

    def _app(self, request: web.Request) -> AdminApp:
        """The app that is asked for; raises AppNotFound."""
        name = request.match_info["app"]
        if name not in self._apps:
            raise AppNotFound(f"no app is called {name}; there are: {', '.join(self._apps)}")
        return self._apps[name]


async def _no_reload(_anyway: bool) -> Document:
    raise BadRequest("there is nothing to reload")

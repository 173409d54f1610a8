"""The composition root: builds every object once, owns the tasks and the order in which all ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from proxy.admin.lock import Lock
from proxy.admin.server import AdminServer
from proxy.admission import Admission
from proxy.backends.environment import withhold
from proxy.config import AppConfig
from proxy.config.state import state_folder
from proxy.control.file_watch import FileWatch
from proxy.control.gpus import GpuMeter, Identity
from proxy.control.machine import make_machine
from proxy.control.starts import tell_starts
from proxy.control.watched_files import WatchedFiles
from proxy.core.replica import Replica
from proxy.errors import Draining, NoReplica, UserError
from proxy.metrics import AppMetrics
from proxy.net.certificate import Certificate
from proxy.net.deadlines import Deadlines
from proxy.net.handshakes import Handshakes
from proxy.net.listener import Listener, unusable_address
from proxy.net.site import Site
from proxy.reload import Reload, predictions_of
from proxy.runs.door import Door
from proxy.wiring import App, Options

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction

log = logging.getLogger("tidegate")

_SWEEP_SECONDS = 0.1
_LAST_POST_SECONDS = 10.0


class HardStop(Exception):
    """A second signal came: stop at once."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


async def run(configs: Sequence[AppConfig], options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError before serving, HardStop on a second signal."""
    reason: Exception | None = None
    try:
        async with AsyncExitStack() as closing, asyncio.TaskGroup() as tasks:
            proxy = Proxy(configs, options, tasks)
            # After the tasks, which may still kill replicas when all is stopped at once.
            closing.push_async_callback(proxy.end, options.keep_replicas)
            await proxy.run(announce)
            raise _Finished
    except* _Finished:
        withhold(configs)
    except* (UserError, HardStop) as group:
        reason = group.exceptions[0]  # Python before 3.11.4 makes a group of what is raised here
    if reason is not None:
        raise reason from None


class _Finished(Exception):
    """All is drained: the loops that never end by themselves are cancelled."""


class Proxy:
    """All apps behind one data port and one admin port."""

    def __init__(self, configs: Sequence[AppConfig], options: Options, tasks: asyncio.TaskGroup) -> None:
        self.options = options
        self.tasks = tasks
        self._deadlines = Deadlines(_SWEEP_SECONDS)
        self.machine = make_machine(options.offer, [(config, config.backend or options.backend) for config in configs])
        access = options.access
        self.admission = Admission(access.keys)
        predictions = predictions_of(configs)
        withhold(configs)
        self.apps: list[App] = []
        for config in configs:
            self.make(config, predictions.get(config.name))
        self._site = Site([app.service for app in self.apps], self._deadlines)
        self._runs = Door([app.service for app in self.apps], tasks, self._deadlines)
        self._site.aside = self._runs.aside
        audience = options.audience
        if options.telemetry is not None:
            options.telemetry.watch(lambda: [(app.config, app.metrics) for app in self.apps])
            audience = options.telemetry.audience(audience)
        self._site.audience = self._runs.audience = audience
        self._certificate = None if access.certificate is None else Certificate(*access.certificate)
        handshakes = None if self._certificate is None else Handshakes(tasks, self._certificate)
        max_header_bytes = max(app.config.limits.max_header_bytes for app in self.apps)
        self._listener = Listener(self._site, max_header_bytes, handshakes)
        self._runs.scheme = self._listener.scheme
        admin_apps = {app.config.name: app.seen for app in self.apps}
        self._admin_tls = self._certificate.context if self._certificate is not None and access.admin_tls else None
        lock = Lock(access.admin_key, secure=self._admin_tls is not None) if access.admin_key else None
        self._admin = AdminServer(admin_apps, state_folder() / "logs", lambda: not self._site.draining, lock)
        self._pools = [app.pool for app in self.apps]
        self._metered: list[tuple[AppMetrics, Callable[[Replica], Identity]]] = []
        self._metered += [(app.metrics, app.identity) for app in self.apps]
        self._leaving: dict[App, asyncio.Task[None]] = {}
        self._reload = Reload(self)
        self._admin.reload = self._reload.run
        self._admin.allowances = self.admission.allowances
        self._stop = asyncio.Event()
        self._stopped_at_once = False

    # The apps, which a reload may change

    def make(self, config: AppConfig, prediction: Prediction | None) -> App:
        """One more app, which is not served yet."""
        keys = self.admission.keys_of(config)
        app = App(config, self.options, self.tasks, self._deadlines, self.machine, prediction)
        app.lifecycle.keep = self.options.keep_replicas
        self.admission.open(app.service, keys)
        self.apps.append(app)
        return app

    def begin(self, app: App) -> None:
        """Serve an app that `make` has made."""
        self._admin.show(app.seen)
        self._pools.append(app.pool)
        self._metered.append((app.metrics, app.identity))
        app.begin()

    @property
    def ending(self) -> bool:
        return self._stop.is_set()

    def leave(self, app: App) -> None:
        """Serve it no more; what runs there is finished."""
        self.apps.remove(app)
        self._leaving[app] = self.tasks.create_task(self._left(app))

    def route(self) -> None:
        """Serve the apps that there are now, by the settings that they have now, in one step."""
        self._listener.max_header_bytes = max(app.config.limits.max_header_bytes for app in self.apps)
        self._site.serve([app.service for app in self.apps])
        self._runs.serve([app.service for app in self.apps])
        self._listener.reroute()

    async def _left(self, app: App) -> None:
        grace_seconds = app.config.scaling.response_grace_period_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                # Asked again and again, once in the life of an app: to be told would cost every request.
                while app.pool.demand.present:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(_SWEEP_SECONDS)
        app.let_be()
        app.pool.refuse(lambda: NoReplica("the app is not served any more"), time.monotonic())
        await app.close()
        app.end()
        self.admission.close(app.service)
        self._admin.hide(app.seen)
        self._pools.remove(app.pool)
        self._metered.remove((app.metrics, app.identity))
        del self._leaving[app]
        log.info("%s: is not served any more", app.config.name)

    async def end(self, keep: bool) -> None:
        for app in (*self.apps, *self._leaving):
            await app.lifecycle.end(keep)

    async def run(self, announce: Callable[[str], None]) -> None:
        self._take_signals()
        for app in self.apps:
            await app.check(self.options.keep_replicas)
        try:
            announce(await self._open())
            self._start_loops()
            await self._stop.wait()
            await self._drain()
        finally:
            self._listener.close()
            await self._runs.close()
            await self._admin.close()
            if self.options.telemetry is not None and not self._stopped_at_once:
                await self.options.telemetry.close()

    async def _open(self) -> str:
        """Listen; returns what is said about it."""
        options = self.options
        await self._listener.open(options.host, options.port)
        try:
            admin_port = await self._admin.open(options.admin_host, options.admin_port, self._admin_tls)
        except OSError as error:
            message = unusable_address("--admin-port", options.admin_host, options.admin_port, error)
            raise UserError(message) from None
        names = ", ".join(app.config.name for app in self.apps)
        data = _url(options.host, self._listener.port, self._listener.secure)
        admin = _url(options.admin_host, admin_port, self._admin_tls is not None)
        return f"tidegate: serving {names} on {data} (admin {admin})"

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload.request)

    def _signalled(self, number: signal.Signals) -> None:
        if not self._stop.is_set():
            log.info("%s: finishing what runs; a second signal stops at once", number.name)
            self._stop.set()
        elif not self._stopped_at_once:
            self._stopped_at_once = True
            self.tasks.create_task(_raise(HardStop(number)))

    def _start_loops(self) -> None:
        self.tasks.create_task(self._deadlines.run())
        self.tasks.create_task(self._listener.timeouts.run())
        self.tasks.create_task(self.admission.run())
        if self._certificate is not None:
            self.tasks.create_task(WatchedFiles(self._certificate.files, self._certificate.load).run())
        self.tasks.create_task(GpuMeter(self._metered).run())
        self.tasks.create_task(self._admin.run())
        if self.options.telemetry is not None:
            self.tasks.create_task(self.options.telemetry.run())
        if self.options.progress is not None:
            self.tasks.create_task(tell_starts(self._pools, self.options.progress))
        for app in self.apps:
            app.begin()
        self._reload.open()
        if self.options.watch:
            self.tasks.create_task(FileWatch(self.apps, self._reload.request).run())

    async def _drain(self) -> None:
        """Clients first: what waits in line may still need replicas that are being started."""
        await self._let_clients_finish()
        for app in self.apps:
            app.let_be()
        async with asyncio.TaskGroup() as closing:
            for app in self.apps:
                closing.create_task(app.close())
            for leaving in self._leaving.values():
                closing.create_task(_over(leaving))
        await self._let_runs_finish()
        for app in self.apps:
            app.end_recording()

    async def _let_clients_finish(self) -> None:
        longest = self.longest_grace_seconds
        try:
            # Requests that ran when the drain began have timed out by themselves then.
            async with asyncio.timeout(longest + 2 * _SWEEP_SECONDS):
                await self._listener.drain()
                await self._runs.drain()
        except TimeoutError:
            log.warning("%d clients have not finished within %g s", len(self._listener), longest)
            for app in (*self.apps, *self._leaving):
                app.pool.refuse(lambda: Draining("the proxy is shutting down"), time.monotonic())
                for replica in app.pool:
                    replica.killed = True

    @property
    def longest_grace_seconds(self) -> float:
        """Of all apps with requests, those that are being removed included."""
        return max(app.config.scaling.response_grace_period_seconds for app in (*self.apps, *self._leaving))

    async def _let_runs_finish(self) -> None:
        """Those whose replicas were killed know their end by now; it has to be kept, and perhaps posted."""
        try:
            async with asyncio.timeout(_LAST_POST_SECONDS):
                await self._runs.drain()
        except TimeoutError:
            log.warning("not every run has ended, or has been posted to its webhook")


async def _over(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def _raise(error: Exception) -> None:
    raise error


def _url(host: str, port: int, secure: bool) -> str:
    return f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}"

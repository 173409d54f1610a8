"""The composition root: builds every object once, owns the tasks and the order in which all ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from proxy.admin.lock import Lock
from proxy.admin.server import AdminServer
from proxy.admission import Admission
from proxy.config import AppConfig
from proxy.config.state import state_folder
from proxy.control.gpus import GpuMeter
from proxy.control.machine import make_machine
from proxy.control.starts import tell_starts
from proxy.control.watched_files import WatchedFiles
from proxy.errors import Draining, UserError
from proxy.net.certificate import Certificate
from proxy.net.deadlines import Deadlines
from proxy.net.handshakes import Handshakes
from proxy.net.listener import Listener, unusable_address
from proxy.net.site import Site
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


def _predictions(configs: Sequence[AppConfig]) -> Mapping[str, Prediction]:
    if not any(config.scaling.predictive for config in configs):
        return {}
    from proxy.control.prediction import make_predictions  # loads numpy

    return make_predictions(configs)


async def run(configs: Sequence[AppConfig], options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError before serving, HardStop on a second signal."""
    reason: Exception | None = None
    try:
        async with AsyncExitStack() as closing, asyncio.TaskGroup() as tasks:
            proxy = Proxy(configs, options, tasks)
            for app in proxy.apps:
                # After the tasks, which may still kill replicas when all is stopped at once.
                closing.push_async_callback(app.backend.close, options.keep_replicas)
            await proxy.run(announce)
            raise _Finished
    except* _Finished:
        pass
    except* (UserError, HardStop) as group:
        reason = group.exceptions[0]  # Python before 3.11.4 makes a group of what is raised here
    if reason is not None:
        raise reason from None


class _Finished(Exception):
    """All is drained: the loops that never end by themselves are cancelled."""


class Proxy:
    """All apps behind one data port and one admin port."""

    def __init__(self, configs: Sequence[AppConfig], options: Options, tasks: asyncio.TaskGroup) -> None:
        self._options = options
        self._tasks = tasks
        self._deadlines = Deadlines(_SWEEP_SECONDS)
        machine = make_machine(options.offer, [(config, config.backend or options.backend) for config in configs])
        self._predictions = _predictions(configs)
        self.apps = [
            App(config, options, tasks, self._deadlines, machine, self._predictions.get(config.name))
            for config in configs
        ]
        access = options.access
        self._admission = Admission(access.keys)
        for app in self.apps:
            app.service.keys = self._admission.keys_of(app.config)
        self._site = Site([app.service for app in self.apps], self._deadlines)
        self._runs = Door([app.service for app in self.apps], tasks, self._deadlines)
        self._site.aside = self._runs.aside
        self._certificate = None if access.certificate is None else Certificate(*access.certificate)
        handshakes = None if self._certificate is None else Handshakes(tasks, self._certificate)
        max_header_bytes = max(app.config.limits.max_header_bytes for app in self.apps)
        self._listener = Listener(self._site, max_header_bytes, handshakes)
        self._runs.scheme = self._listener.scheme
        admin_apps = {app.config.name: app.admin() for app in self.apps}
        self._admin_tls = self._certificate.context if self._certificate is not None and access.admin_tls else None
        lock = Lock(access.admin_key, secure=self._admin_tls is not None) if access.admin_key else None
        self._admin = AdminServer(admin_apps, state_folder() / "logs", lambda: not self._site.draining, lock)
        self._scalers: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._stopped_at_once = False

    async def run(self, announce: Callable[[str], None]) -> None:
        self._take_signals()
        for app in self.apps:
            app.lifecycle.keep = self._options.keep_replicas
            await app.check(self._options.keep_replicas)
        try:
            announce(await self._open())
            self._start_loops()
            await self._stop.wait()
            await self._drain()
        finally:
            self._listener.close()
            await self._runs.close()
            await self._admin.close()

    async def _open(self) -> str:
        """Listen; returns what is said about it."""
        options = self._options
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
        loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP: a changed configuration needs a restart")

    def _signalled(self, number: signal.Signals) -> None:
        if not self._stop.is_set():
            log.info("%s: finishing what runs; a second signal stops at once", number.name)
            self._stop.set()
        elif not self._stopped_at_once:
            self._stopped_at_once = True
            self._tasks.create_task(_raise(HardStop(number)))

    def _start_loops(self) -> None:
        self._tasks.create_task(self._deadlines.run())
        self._tasks.create_task(self._listener.timeouts.run())
        self._tasks.create_task(GpuMeter([(app.metrics, app.identity) for app in self.apps]).run())
        self._tasks.create_task(self._admin.run())
        if self._options.progress is not None:
            self._tasks.create_task(tell_starts([app.pool for app in self.apps], self._options.progress))
        watches = self._admission.watches
        if self._certificate is not None:
            watches.append(WatchedFiles(self._certificate.files, self._certificate.load))
        for watch in watches:
            self._tasks.create_task(watch.run())
        for app in self.apps:
            self._tasks.create_task(app.lifecycle.prepare())
            self._tasks.create_task(app.usage.run())
            self._tasks.create_task(app.watch.run())
            self._scalers.append(self._tasks.create_task(app.steer()))
        for prediction in self._predictions.values():
            self._scalers.append(self._tasks.create_task(prediction.run()))

    async def _drain(self) -> None:
        """Clients first: what waits in line may still need replicas that are being started."""
        await self._let_clients_finish()
        for scaler in self._scalers:
            scaler.cancel()
        async with asyncio.TaskGroup() as closing:
            for prediction in self._predictions.values():
                closing.create_task(prediction.keep())
            for app in self.apps:
                app.connections.close()
                closing.create_task(app.lifecycle.close())
        await self._let_runs_finish()
        for app in self.apps:
            app.end_recording()

    async def _let_clients_finish(self) -> None:
        longest = max(app.config.scaling.response_grace_period_seconds for app in self.apps)
        try:
            # Requests that ran when the drain began have timed out by themselves then.
            async with asyncio.timeout(longest + 2 * _SWEEP_SECONDS):
                await self._listener.drain()
                await self._runs.drain()
        except TimeoutError:
            log.warning("%d clients have not finished within %g s", len(self._listener), longest)
            for app in self.apps:
                app.pool.refuse(lambda: Draining("the proxy is shutting down"), time.monotonic())
                for replica in app.pool:
                    replica.killed = True

    async def _let_runs_finish(self) -> None:
        """Those whose replicas were killed know their end by now; it has to be kept, and perhaps posted."""
        try:
            async with asyncio.timeout(_LAST_POST_SECONDS):
                await self._runs.drain()
        except TimeoutError:
            log.warning("not every run has ended, or has been posted to its webhook")


async def _raise(error: Exception) -> None:
    raise error


def _url(host: str, port: int, secure: bool) -> str:
    return f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}"

"""The composition root: builds every object once, owns the tasks and the order in which all ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.admin.apps import AdminApp
from proxy.admin.server import AdminServer
from proxy.backends.base import Backend
from proxy.backends.choose import make_backend
from proxy.config import AppConfig
from proxy.config.state import state_folder
from proxy.control.gpus import GpuMeter
from proxy.control.lifecycle import Lifecycle
from proxy.control.machine import Offer, make_machine, need_of
from proxy.control.placement import Placement
from proxy.control.prober import Prober
from proxy.control.recorder import Recorder
from proxy.control.scaler import Scaler
from proxy.control.starts import tell_starts
from proxy.control.usage import UsageMeter
from proxy.core.autoscaler.policies import needs_journal
from proxy.core.balancers.base import Balancer
from proxy.core.capacity import Machine, Tenant
from proxy.core.journal import JournaledPool
from proxy.core.pool import Pool
from proxy.core.replica import Replica, State
from proxy.errors import Draining, UserError
from proxy.metrics import AppMetrics
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.listener import Listener, unusable_address
from proxy.net.service import Service, Terms
from proxy.net.site import Site
from proxy.runs.door import Door

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction

log = logging.getLogger("tidegate")

_SWEEP_SECONDS = 0.1
_LAST_POST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What `tidegate up` was told on the command line; `progress` shows what is being started to somebody who waits."""

    backend: str = "process"
    host: str = "127.0.0.1"
    port: int = 8000
    admin_host: str = "127.0.0.1"
    admin_port: int = 8001
    keep_replicas: bool = False
    offer: Offer = field(default_factory=Offer)
    record: Path | None = None  # the folder for traces of requests
    progress: Callable[[str], None] | None = None


class HardStop(Exception):
    """A second signal came: stop at once."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class App:
    """One app's objects, wired."""

    def __init__(
        self,
        config: AppConfig,
        options: Options,
        tasks: asyncio.TaskGroup,
        deadlines: Deadlines,
        machine: Machine,
        prediction: Prediction | None = None,
    ) -> None:
        self.backend_name = config.backend or options.backend
        self.config = _fixed(config) if self.backend_name == "static" else config
        self.backend: Backend = make_backend(self.backend_name, self.config, tasks)
        balancer = load_balancer(self.config)
        now = time.monotonic()
        self.recorder = Recorder(options.record, config.name, now) if options.record else None
        make_pool = JournaledPool if self.recorder or needs_journal(self.config.scaling) else Pool
        self.pool = make_pool(balancer, self.config.queue.max_length, now)
        self.metrics = AppMetrics(self.config.name, self.pool)
        prober = Prober.of(self.config, ours=self.backend.restarts, relayed=self.backend_name == "docker")
        self.lifecycle = Lifecycle(self.config, self.backend, prober, self.pool, self.metrics, tasks)
        self.usage = UsageMeter(self.lifecycle, self.metrics, self.config.hardware.cpu)
        self.placement = Placement(self.lifecycle, machine, self._tenant())
        self.scaler = Scaler(self.config, self.pool, self.placement, self.metrics, prediction)
        self.scaler.recorder = self.recorder
        self.connections = Connections(tasks, deadlines, self.config.timeouts.connect_seconds)
        self.service = Service(Terms.of(self.config), self.pool, self.connections, self.metrics, deadlines)
        self.pool.on_wait = self.scaler.wake
        self.pool.on_change = self._replica_changed
        self.lifecycle.changed = self._lives_changed
        self._machine = machine

    def _tenant(self) -> Tenant:
        return Tenant(
            name=self.config.name,
            need=need_of(self.config, self.backend_name),
            protected=self.config.scaling.compute_tier == "protected",
            pool=self.pool,
            drain=self.lifecycle.drain,
            wake=self._wake,
        )

    def _wake(self) -> None:
        self.scaler.wake()

    def _lives_changed(self) -> None:
        self._wake()
        self._machine.wake_waiting()

    def _replica_changed(self, replica: Replica, _before: State) -> None:
        if not replica.routable:
            self.connections.drop(replica)
        if replica.state is State.UNREADY:
            self.lifecycle.hurry(replica)

    def end_recording(self) -> None:
        """Write what has ended since the last look."""
        if self.recorder is not None and isinstance(self.pool, JournaledPool):
            self.recorder.note(self.pool.take_entries())
            self.recorder.close()

    def admin(self) -> AdminApp:
        return AdminApp(
            config=self.config,
            backend=self.backend_name,
            pool=self.pool,
            metrics=self.metrics,
            identity=self.identity,
            scaler=self.scaler,
            fleet=self.placement,
        )

    def identity(self, replica: Replica) -> Mapping[str, int | str]:
        handle = self.lifecycle.handle(replica)
        return {} if handle is None else handle.identity

    async def check(self, keep_replicas: bool) -> None:
        """Raise UserError for what cannot work; before anything is served."""
        if keep_replicas and not self.backend.outlives:
            raise UserError(
                f"--keep-replicas: the replicas of app {self.config.name} end with the proxy, as all of the backend "
                f"{self.backend_name} do; use --backend docker or leave the option out"
            )
        await self.backend.check()

    async def steer(self) -> None:
        """Adopt what runs already, so that it is not started again; then keep the right number."""
        await self.lifecycle.adopt()
        await self.scaler.run()


def _fixed(config: AppConfig) -> AppConfig:
    """Replicas that somebody else runs are all used, all the time."""
    count = len(config.static.replicas)
    return replace(config, scaling=config.scaling.model_copy(update={"min_replicas": count, "max_replicas": count}))


def load_balancer(config: AppConfig) -> Balancer:
    """Raises UserError if a plug-in cannot be loaded."""
    name = config.scaling.load_balancing_algorithm
    (point, *_) = entry_points(group="tidegate.balancers", name=name)
    try:
        balancer: Balancer = point.load()()
    except Exception as error:  # a plug-in's mistake may be of any kind
        raise UserError(f"{config.file}: balancer {name} ({point.value}) cannot be loaded: {error}") from error
    return balancer


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
        self._site = Site([app.service for app in self.apps], self._deadlines)
        self._runs = Door([app.service for app in self.apps], tasks, self._deadlines)
        self._site.aside = self._runs.aside
        self._listener = Listener(self._site, max(app.config.limits.max_header_bytes for app in self.apps))
        admin_apps = {app.config.name: app.admin() for app in self.apps}
        self._admin = AdminServer(admin_apps, state_folder() / "logs", lambda: not self._site.draining)
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
            admin_port = await self._admin.open(options.admin_host, options.admin_port)
        except OSError as error:
            message = unusable_address("--admin-port", options.admin_host, options.admin_port, error)
            raise UserError(message) from None
        names = ", ".join(app.config.name for app in self.apps)
        data, admin = _url(options.host, self._listener.port), _url(options.admin_host, admin_port)
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
        for app in self.apps:
            self._tasks.create_task(app.lifecycle.prepare())
            self._tasks.create_task(app.usage.run())
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


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

"""One app: its objects, built once and wired."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.admin.apps import AdminApp
from proxy.backends.base import Backend
from proxy.backends.choose import make_backend
from proxy.config import AppConfig
from proxy.control.lifecycle import Lifecycle
from proxy.control.machine import Offer, need_of
from proxy.control.notifier import Notifier
from proxy.control.placement import Placement
from proxy.control.prober import Prober
from proxy.control.recorder import Recorder
from proxy.control.scaler import Scaler
from proxy.control.usage import UsageMeter
from proxy.control.watch import Watch
from proxy.core.alarms import Alarms, Thresholds
from proxy.core.autoscaler.policies import needs_journal
from proxy.core.balancers.base import Balancer
from proxy.core.balancers.guarded import Guarded
from proxy.core.balancers.round_robin import RoundRobin
from proxy.core.capacity import Machine, Tenant
from proxy.core.journal import JournaledPool
from proxy.core.pool import Pool
from proxy.core.replica import Replica, State
from proxy.errors import UserError
from proxy.metrics import AppMetrics
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.passage import NOBODY, Audience
from proxy.net.service import Service, Terms

if TYPE_CHECKING:
    from proxy.control.prediction import Prediction


log = logging.getLogger("tidegate")


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
    audience: Audience = NOBODY  # of every request
    admin_key: str = ""  # what the admin port asks for, if anything
    keys: Path | None = None  # the file of keys, where it is not in the state folder


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
        self.watch = Watch(self.metrics, _alarms(self.config), Notifier(config.name, config.notify), self._at_most)
        self.connections = Connections(tasks, deadlines, self.config.timeouts.connect_seconds)
        self.service = Service(Terms.of(self.config), self.pool, self.connections, self.metrics, deadlines)
        self.pool.on_wait = self.scaler.wake
        self.pool.on_change = self._replica_changed
        self.lifecycle.changed = self._lives_changed
        self._machine = machine

    def _at_most(self) -> bool:
        last = self.scaler.records.last
        return last is not None and last.clamp == "max_replicas"

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


def _alarms(config: AppConfig) -> Alarms:
    return Alarms(Thresholds(config.notify.queue_length, config.notify.max_replicas_minutes * 60))


def load_balancer(config: AppConfig) -> Balancer:
    """Raises UserError if a plug-in cannot be loaded."""
    name = config.scaling.load_balancing_algorithm
    (point, *_) = entry_points(group="tidegate.balancers", name=name)
    try:
        balancer: Balancer = point.load()()
    except Exception as error:  # a plug-in's mistake may be of any kind
        raise UserError(f"{config.file}: balancer {name} ({point.value}) cannot be loaded: {error}") from error
    return balancer if point.module.startswith("proxy.core.") else _guarded(config, balancer)


def _guarded(config: AppConfig, balancer: Balancer) -> Balancer:
    """A plug-in's."""
    name = config.scaling.load_balancing_algorithm

    def failed(error: Exception) -> None:
        log.exception("%s: balancer %s raised %r: round-robin is used from now on", config.name, name, error)

    return Guarded(balancer, RoundRobin(), failed)

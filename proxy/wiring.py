"""One app: its objects, built once and wired."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.admin.apps import AdminApp
from proxy.backends.base import Backend
from proxy.backends.choose import make_backend
from proxy.config import AppConfig
from proxy.control.adoption import Adoption
from proxy.control.lifecycle import Lifecycle
from proxy.control.machine import Offer, need_of
from proxy.control.notifier import Notifier
from proxy.control.placement import Placement
from proxy.control.prober import Prober
from proxy.control.recorder import Recorder
from proxy.control.rollout import Rollout
from proxy.control.scaler import Scaler
from proxy.control.usage import UsageMeter
from proxy.control.watch import Watch
from proxy.core.alarms import Alarms, Notice, Thresholds
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
    from proxy.telemetry.telemetry import Telemetry


log = logging.getLogger("tidegate")


@dataclass(frozen=True, slots=True)
class Access:
    """`keys`: the file of the apps' keys, where it is not in the state folder; `certificate`: its file and its key's.

    With `admin_key` the admin port asks for it; with `admin_tls` it has the data port's certificate.
    """

    keys: Path | None = None
    admin_key: str = ""
    certificate: tuple[Path, Path] | None = None
    admin_tls: bool = False


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
    telemetry: Telemetry | None = None
    access: Access = field(default_factory=Access)
    paths: Sequence[Path] = ()  # where the configurations were read, and are read again
    watch: bool = False  # whether those files are watched


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
        self.config = settled(config, self.backend_name)
        backend: Backend = make_backend(self.backend_name, self.config, tasks)
        balancer = load_balancer(self.config)
        now = time.monotonic()
        self.recorder = Recorder(options.record, config.name, now) if options.record else None
        make_pool = JournaledPool if self.recorder or needs_journal(self.config.scaling) else Pool
        self.pool = make_pool(balancer, self.config.queue.max_length, now)
        self.metrics = AppMetrics(self.config.name, self.pool)
        prober = make_prober(self.config, backend, self.backend_name)
        self.lifecycle = Lifecycle(self.config, backend, prober, self.pool, self.metrics, tasks)
        self.adoption = Adoption(config.name, self.lifecycle)
        self.usage = UsageMeter(self.lifecycle, self.metrics, self.config.hardware.cpu)
        self.tenant = self._tenant()
        self.placement = Placement(self.lifecycle, machine, self.tenant)
        self.scaler = Scaler(self.config, self.pool, self.placement, self.metrics, prediction)
        self.scaler.recorder = self.recorder
        self.rollout = Rollout(config.name, self.lifecycle, self.pool, self.placement, tasks)
        self.rollout.seconds = config.scaling.roll_out_duration_seconds
        self.scaler.rollout = self.rollout
        alarms = Alarms(thresholds(self.config))
        self.watch = Watch(self.metrics, alarms, Notifier(config.name, config.notify), self._at_most)
        self.rollout.told = self._tell
        self.connections = Connections(tasks, deadlines, self.config.timeouts.connect_seconds)
        self.service = Service(Terms.of(self.config), self.pool, self.connections, self.metrics, deadlines)
        self.pool.on_wait = self.scaler.wake
        self.pool.on_change = self._replica_changed
        self.lifecycle.changed = self._lives_changed
        if options.telemetry is not None:
            self.lifecycle.started = partial(options.telemetry.started, config.name)
        self.rollout.switched = self._switched
        self.prediction = prediction
        self.machine = machine
        self.roots = {self.backend_name: backend}
        self.seen = self.admin()
        self._tasks = tasks
        self._loops: list[asyncio.Task[None]] = []
        self._steering: list[asyncio.Task[None]] = []
        self._number = self.lifecycle.revision.number

    def admin(self) -> AdminApp:
        return AdminApp(
            config=self.config,
            backend=self.backend_name,
            pool=self.pool,
            metrics=self.metrics,
            identity=self.identity,
            scaler=self.scaler,
            fleet=self.placement,
            revision=self.rollout.view,
        )

    def steer_by(self, config: AppConfig, prediction: Prediction | None) -> None:
        """Other settings for the number of replicas; of what a replica is, those of the revision that is started."""
        revision = self.lifecycle.revision
        scaling = config.scaling.model_copy(update={"replica_concurrency": self.lifecycle.limit})
        self.scaler.configure(replace(config, scaling=scaling, hardware=revision.config.hardware), prediction)
        if prediction is not self.prediction:
            if self.prediction is not None:
                self._tasks.create_task(self.prediction.keep())
            self.prediction = prediction
            for task in self._steering[1:]:
                task.cancel()
            del self._steering[1:]
            self._foresee()

    def _switched(self) -> None:
        """Replicas of another revision are started from now on."""
        self.adoption.wake()
        revision = self.lifecycle.revision
        if revision.number != self._number:
            self.tenant.others[self._number] = self.tenant.need
            self._number = revision.number
        self.tenant.others.pop(revision.number, None)
        self.tenant.need = need_of(revision.config, self.backend_name)
        self.usage.cores = revision.config.hardware.cpu
        self.steer_by(self.config, self.prediction)

    def _tell(self, text: str, over: bool) -> None:
        self.watch.tell(Notice("roll-out", text, over))

    def _at_most(self) -> bool:
        last = self.scaler.records.last
        return last is not None and last.clamp == "max_replicas"

    def _tenant(self) -> Tenant:
        return Tenant(
            name=self.config.name,
            need=need_of(self.config, self.backend_name),
            protected=is_protected(self.config),
            pool=self.pool,
            drain=self.lifecycle.drain,
            wake=self._wake,
        )

    def _wake(self) -> None:
        self.scaler.wake()

    def _lives_changed(self) -> None:
        self._wake()
        self.machine.wake_waiting()

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

    def identity(self, replica: Replica) -> Mapping[str, int | str]:
        handle = self.lifecycle.handle(replica)
        return {} if handle is None else handle.identity

    async def check(self, keep_replicas: bool) -> None:
        """Raise UserError for what cannot work; before anything is served."""
        await self.check_backend(self.lifecycle.backend, self.backend_name, keep_replicas)

    async def check_backend(self, backend: Backend, name: str, keep_replicas: bool) -> None:
        """Raise UserError for what cannot work with it."""
        if keep_replicas and not backend.outlives:
            raise UserError(
                f"--keep-replicas: the replicas of app {self.config.name} end with the proxy, as all of the backend "
                f"{name} do; use --backend docker or leave the option out"
            )
        await backend.check()

    def let_go(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Of replicas that somebody else runs, use those no more that are not listed."""
        now = time.monotonic()
        for replica in list(self.pool):
            if replica.wanted and (replica.host, replica.port) not in addresses:
                self.lifecycle.send_away(replica, now)

    def begin(self) -> None:
        """Start what looks after the app."""
        self._tasks.create_task(self.lifecycle.prepare())
        self._loops = [self._tasks.create_task(self.usage.run()), self._tasks.create_task(self.watch.run())]
        self._steering = [self._tasks.create_task(self.steer())]
        self._foresee()

    def _foresee(self) -> None:
        if self.prediction is not None:
            self._steering.append(self._tasks.create_task(self.prediction.run()))

    def let_be(self) -> None:
        """Neither start nor replace replicas any more."""
        for task in self._steering:
            task.cancel()
        self.rollout.supersede()

    async def close(self) -> None:
        """Drain every replica; return when the last is gone and all is kept that has to be."""
        self.connections.close()
        async with asyncio.TaskGroup() as closing:
            if self.prediction is not None:
                closing.create_task(self.prediction.keep())
            closing.create_task(self.lifecycle.close())

    def end(self) -> None:
        """Nothing of it is needed any more."""
        for task in self._loops:
            task.cancel()
        self.end_recording()
        self.machine.leave(self.tenant)

    async def steer(self) -> None:
        """Adopt what runs already, so that it is not started again; then keep the right number."""
        await self.adoption.run()
        await self.scaler.run()


def settled(config: AppConfig, backend: str) -> AppConfig:
    """With what the backend decides: replicas that somebody else runs are all used, all the time."""
    if backend != "static":
        return config
    count = len(config.static.replicas)
    return replace(config, scaling=config.scaling.model_copy(update={"min_replicas": count, "max_replicas": count}))


def thresholds(config: AppConfig) -> Thresholds:
    return Thresholds(config.notify.queue_length, config.notify.max_replicas_minutes * 60)


def make_prober(config: AppConfig, backend: Backend, name: str) -> Prober:
    return Prober.of(config, ours=backend.restarts, relayed=name == "docker")


def is_protected(config: AppConfig) -> bool:
    return config.scaling.compute_tier == "protected"


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

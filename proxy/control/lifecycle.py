"""The life of an app's replicas: start, watch, replace, end. One task per replica."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable

from proxy.backends.base import Backend, Handle
from proxy.config import AppConfig
from proxy.control.prober import SLOWEST_START_SECONDS, Prober
from proxy.control.termination import Termination
from proxy.control.vigil import Vigil
from proxy.core.health import Backoff
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, State
from proxy.errors import NoReplica, StartError
from proxy.metrics import AppMetrics

log = logging.getLogger("tidegate.lifecycle")

_LOG_LINES_SHOWN = 10


class Life:
    """What is known of one replica besides its slots, from its start request to its end."""

    def __init__(self) -> None:
        self.starting: asyncio.Task[None] | None = None
        self.handle: Handle | None = None
        self.vigil: Vigil | None = None
        self.termination: Termination | None = None


class Lifecycle:
    """Owns the lives of one app's replicas; `changed` is called whenever their number or states changed."""

    def __init__(
        self, config: AppConfig, backend: Backend, pool: Pool, metrics: AppMetrics, tasks: asyncio.TaskGroup
    ) -> None:
        self.backend = backend
        self.backoff = Backoff()
        self.changed: Callable[[], None] = lambda: None
        self._config = config
        self._pool = pool
        self._metrics = metrics
        self._tasks = tasks
        self._prober = Prober(config, ours=backend.restarts)
        self._lives: dict[Replica, Life] = {}
        self._orders = itertools.count()
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._empty = asyncio.Event()
        self._empty.set()

    def handle(self, replica: Replica) -> Handle | None:
        life = self._lives.get(replica)
        return None if life is None else life.handle

    async def prepare(self) -> None:
        """Do what the backend has to do once, before the first replica is asked for."""
        try:
            await self._prepare()
        except StartError as error:
            log.error("%s: %s", self._config.name, error)  # the first start tries again, and is answered for

    async def _prepare(self) -> None:
        async with self._preparing:
            if not self._prepared:
                await self.backend.prepare()
                self._prepared = True

    # From start to end

    def start_one(self, now: float) -> None:
        replica_id = f"{self._config.name}-{secrets.token_hex(3)}"
        replica = Replica(next(self._orders), replica_id, self._config.scaling.replica_concurrency, now)
        self._pool.add(replica)
        self._empty.clear()
        life = self._lives[replica] = Life()
        life.starting = self._tasks.create_task(self._live(replica, life))

    async def _live(self, replica: Replica, life: Life) -> None:
        try:
            await self._prepare()
            handle = await self.backend.start(replica.id)
        except StartError as error:
            self._ended(replica, str(error), ())
            return
        except asyncio.CancelledError:
            self._ended(replica, "not wanted any more while it started", ())
            raise
        life.handle, life.starting = handle, None
        replica.host, replica.port = handle.host, handle.port
        log.info("%s: replica %s started at %s", self._config.name, replica.id, replica.address)
        slowest = SLOWEST_START_SECONDS if self.backend.restarts else self._config.probes.interval_seconds
        life.vigil = Vigil(self._config, self._prober, replica, slowest)
        watching = self._tasks.create_task(self._watch(replica, life.vigil, time.monotonic()))
        gone = await handle.wait()
        watching.cancel()
        reason = life.vigil.verdict if replica.state is State.FAILED else gone.reason
        self._ended(replica, reason, handle.last_lines())

    async def _watch(self, replica: Replica, vigil: Vigil, started: float) -> None:
        """Turn the answers to the probes into events, for as long as the replica is there."""
        while not replica.gone:
            first = replica.ready_at is None
            event = await vigil.ask()
            if self._pool.apply(replica, event, time.monotonic()):
                self._report(replica, vigil, started, first)
            if self.backend.restarts and replica.wanted and await vigil.condemned():
                self._condemn(replica, vigil)
            await vigil.pause()

    def _report(self, replica: Replica, vigil: Vigil, started: float, first: bool) -> None:
        now, name = time.monotonic(), self._config.name
        if not replica.routable:
            log.warning("%s: replica %s is not ready: %s", name, replica.id, replica.last_probe)
        elif first:
            self._metrics.became_ready({"start": started - replica.started_at, "ready": now - started})
            log.info("%s: replica %s is ready after %.2f s", name, replica.id, now - replica.started_at)
        else:
            log.info("%s: replica %s is ready again", name, replica.id)
        if replica.routable:
            self._pool.refuse(None, now)
        self.changed()

    def _condemn(self, replica: Replica, vigil: Vigil) -> None:
        if self._pool.apply(replica, Event.CONDEMN, time.monotonic()) and replica.gone:
            log.error("%s: replica %s is given up: %s", self._config.name, replica.id, vigil.verdict)
            self._terminate(replica)
            self.changed()

    def _ended(self, replica: Replica, reason: str, last_lines: tuple[str, ...]) -> None:
        now = time.monotonic()
        expected = replica.state is State.DRAINING
        self._pool.apply(replica, Event.EXIT, now)
        self._pool.remove(replica)
        del self._lives[replica]
        self._metrics.exited("drained" if expected else reason)
        self._metrics.usage.pop(replica.id, None)
        if expected:
            log.info("%s: replica %s has stopped (%s)", self._config.name, replica.id, reason)
        else:
            self._crashed(replica, reason, last_lines, now)
        if not self._lives:
            self._empty.set()
        self.changed()

    # Crashes

    def _crashed(self, replica: Replica, reason: str, last_lines: tuple[str, ...], now: float) -> None:
        ready_seconds = 0.0 if replica.ready_at is None else now - replica.ready_at
        self.backoff.failed(replica.started_at, ready_seconds, now)
        log.error("%s: replica %s failed: %s", self._config.name, replica.id, reason)
        if self.backoff.hopeless and not any(other.routable for other in self._pool):
            said = "\n".join(last_lines[-_LOG_LINES_SHOWN:])
            message = f"no replica of {self._config.name} can be started: {reason}" + (f"\n{said}" if said else "")
            self._pool.refuse(lambda: NoReplica(message, self._retry_after_seconds()), now)

    def _retry_after_seconds(self) -> int:
        return max(1, round(self.backoff.until - time.monotonic()))

    def may_start(self, now: float) -> bool:
        """Not in the pause after a crash. Once it is over, requests may wait for the next start."""
        if now < self.backoff.until:
            return False
        self._pool.refuse(None, now)
        return True

    def hurry(self, replica: Replica) -> None:
        """Live traffic was refused: ask the replica at once."""
        life = self._lives.get(replica)
        if life is not None and life.vigil is not None:
            life.vigil.hurry()

    # The way out

    def drain(self, replica: Replica, now: float) -> None:
        """No new requests, SIGTERM as [tidegate.drain] says, SIGKILL after response_grace_period."""
        if self._pool.apply(replica, Event.DRAIN, now):
            log.info("%s: replica %s drains with %d in flight", self._config.name, replica.id, replica.in_flight)
            self._terminate(replica)

    def _terminate(self, replica: Replica) -> None:
        life = self._lives[replica]
        if life.handle is None:
            if life.starting is not None:
                life.starting.cancel()
            return
        life.termination = Termination(self._config, replica, life.handle)
        self._tasks.create_task(life.termination.run())

    def recall(self, now: float) -> bool:
        """Take a draining replica back that was not sent SIGTERM yet; false if there is none."""
        for replica, life in self._lives.items():
            if replica.state is State.DRAINING and life.termination is not None and life.termination.recall():
                self._pool.apply(replica, Event.RECALL, now)
                log.info("%s: replica %s is taken back", self._config.name, replica.id)
                return True
        return False

    async def close(self) -> None:
        """Drain every replica; return when the last is gone."""
        now = time.monotonic()
        for replica in list(self._lives):
            self.drain(replica, now)
        await self._empty.wait()
        await self._prober.close()
        await self.backend.close()

"""The life of an app's replicas: start, watch, replace, end. One task per replica."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial

from proxy.backends.base import Backend, Consumption, Found, Handle
from proxy.config import AppConfig
from proxy.control.life import Life
from proxy.control.prober import Prober
from proxy.control.recovery import Recovery
from proxy.control.revision import Revision
from proxy.control.termination import End, Termination
from proxy.control.vigil import Patience, Vigil
from proxy.core.pool import Pool
from proxy.core.probe import SLOWEST_START_SECONDS
from proxy.core.replica import Event, Replica, State
from proxy.errors import StartError
from proxy.metrics import AppMetrics

log = logging.getLogger("tidegate.lifecycle")

_UNWANTED = End("drained", "not wanted any more before it had started")


class Lifecycle:
    """Owns the lives of one app's replicas; `changed` is called after any change of them, `started` after a start."""

    def __init__(
        self,
        config: AppConfig,
        backend: Backend,
        prober: Prober,
        pool: Pool,
        metrics: AppMetrics,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.revision = Revision(1, config, backend, prober, pool, tasks)  # of which replicas are started
        self.changed: Callable[[], None] = lambda: None
        self.started: Callable[[Replica, Mapping[str, float]], None] = lambda _replica, _phases: None
        self.keep = False  # at the end, leave the replicas to the next proxy
        self._config = config
        self._pool = pool
        self._metrics = metrics
        self._tasks = tasks
        self._backends = [backend]
        self._lives: dict[Replica, Life] = {}
        self._orders = itertools.count()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def backend(self) -> Backend:
        return self.revision.backend

    @property
    def recovery(self) -> Recovery:
        return self.revision.recovery

    @property
    def limit(self) -> int:
        """What a new replica takes at once: what it is told, but no more than the settings have come to allow."""
        return min(self.revision.limit, self._config.scaling.replica_concurrency)

    def configure(self, config: AppConfig) -> None:
        """Other settings from now on, as far as no replica has to be another for them; a lower limit holds at once."""
        self._config = config
        for replica, life in self._lives.items():
            self._change(replica, life)

    def begin(self, revision: Revision) -> None:
        """Start replicas of this one from now on; what starting others came to says nothing about it."""
        self.revision = revision
        revision.recovery = Recovery(self._config.name, self._pool)
        self._pool.refuse(None, time.monotonic())

    def take(self, other: Revision) -> None:
        """Go on with a revision whose replicas would be the same, with what it asks them."""
        self.revision.take(other)
        for replica, life in self._lives.items():
            self._change(replica, life)

    def _change(self, replica: Replica, life: Life) -> None:
        if life.vigil is not None:
            life.vigil.change(self._patience(life.revision), life.revision.prober)
        most = self._config.scaling.replica_concurrency
        told = life.limit if life.revision.backend.restarts else most  # who runs by itself was told nothing
        self._pool.resize(replica, min(told, most), time.monotonic())

    def own(self, backend: Backend) -> None:
        """One more to close in the end."""
        self._backends.append(backend)

    async def consumption(self) -> Mapping[str, Consumption]:
        """By replica id, of all that can be asked."""
        by_backend: dict[Backend, dict[str, Handle]] = {}
        for replica, life in self._lives.items():
            if life.handle is not None:
                by_backend.setdefault(life.revision.backend, {})[replica.id] = life.handle
        consumed: dict[str, Consumption] = {}
        for backend, handles in by_backend.items():
            consumed |= await backend.consumption(handles)
        return consumed

    def handle(self, replica: Replica) -> Handle | None:
        life = self._lives.get(replica)
        return None if life is None else life.handle

    async def prepare(self) -> None:
        """Do what the backend has to do once, before the first replica is asked for."""
        try:
            await self.revision.prepare()
        except StartError as error:
            log.error("%s: %s", self._config.name, error)  # the first start tries again, and is answered for

    def take_over(self, found: Found, now: float) -> None:
        replica = self._admit(found.replica_id, Life(self.revision, found.handle, found.limit), now)
        replica.inherited = True
        log.info("%s: replica %s is taken over from an earlier proxy", self._config.name, replica.id)
        if found.current:
            return
        log.info("%s: replica %s is of another configuration or image: it is replaced", self._config.name, replica.id)
        replica.revision = 0
        if not found.handle.port:  # it cannot be reached
            self.drain(replica, now)

    # From start to end

    def may_start(self, now: float) -> bool:
        return self.recovery.may_start(now)

    def start_one(self, now: float) -> None:
        self._admit(f"{self._config.name}-{secrets.token_hex(3)}", Life(self.revision), now)

    def _admit(self, replica_id: str, life: Life, now: float) -> Replica:
        limit = min(life.limit, self._config.scaling.replica_concurrency)
        replica = Replica(next(self._orders), replica_id, limit, now)
        replica.revision = life.revision.number
        self._pool.add(replica)
        self._empty.clear()
        self._lives[replica] = life
        life.task = self._tasks.create_task(self._live(replica, life))
        # Not the task's own last step: one that is cancelled before its first step takes none.
        life.task.add_done_callback(partial(self._over, replica, life))
        return replica

    async def _live(self, replica: Replica, life: Life) -> End:
        try:
            if life.handle is None:
                await life.revision.prepare()
                replica.started_at = time.monotonic()  # what is done once before all starts is no part of a cold start
                life.handle = await life.revision.backend.start(replica.id)
            return await self._serve(replica, life, life.handle)
        except StartError as error:
            return End("not started", str(error))
        except Exception as error:  # a mistake of ours in one replica's life does not end the others'
            log.exception("%s: replica %s", self._config.name, replica.id)
            return End("internal error", f"internal error: {error!r}")
        finally:
            if life.handle is not None and not (self.keep and replica.wanted):
                await life.handle.kill()  # nothing, unless everything is being stopped at once

    async def _serve(self, replica: Replica, life: Life, handle: Handle) -> End:
        replica.host, replica.port = handle.host, handle.port
        if not life.adopted:
            log.info("%s: replica %s started at %s", self._config.name, replica.id, replica.address)
        life.vigil = Vigil(self._patience(life.revision), life.revision.prober, replica)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(replica, life, handle))
            gone = await handle.wait()
            watching.cancel()
        return End(gone.reason, gone.reason)

    def _patience(self, revision: Revision) -> Patience:
        slowest = SLOWEST_START_SECONDS if revision.backend.restarts else self._config.probes.interval_seconds
        return Patience.of(self._config, slowest)

    async def _watch(self, replica: Replica, life: Life, handle: Handle) -> None:
        """Turn the answers to the probes into events, for as long as the replica is there."""
        vigil = life.vigil
        while vigil is not None and not replica.gone:
            first = replica.ready_at is None
            said = replica.last_probe
            event = await vigil.ask(handle.obstacle)
            if replica.last_probe != said:
                log.debug("%s: replica %s: %s", self._config.name, replica.id, replica.last_probe)
            self._report_refusal(replica)
            if self._pool.apply(replica, event, time.monotonic()):
                self._report(replica, life, first)
            if life.revision.backend.restarts and replica.wanted:
                verdict = await vigil.verdict(time.monotonic(), handle.obstacle)
                if verdict is not None:
                    self._condemn(replica, verdict)
            await vigil.pause()

    def _report_refusal(self, replica: Replica) -> None:
        """Its state may have changed since it was asked last, by requests that could not connect."""
        life = self._lives[replica]
        if life.told_ready and replica.state is State.UNREADY:
            life.told_ready = False
            log.warning("%s: replica %s is not ready: it refused a connection", self._config.name, replica.id)

    def _report(self, replica: Replica, life: Life, first: bool) -> None:
        now, name = time.monotonic(), self._config.name
        life.told_ready = replica.routable
        if not replica.routable:
            log.warning("%s: replica %s is not ready: %s", name, replica.id, replica.last_probe)
        elif first and not life.adopted:
            phases = life.phases(replica.started_at, now)
            self._metrics.became_ready(phases)
            self.started(replica, phases)
            log.info("%s: replica %s is ready after %.2f s", name, replica.id, now - replica.started_at)
        else:
            log.info("%s: replica %s is ready again", name, replica.id)
        if replica.routable:
            life.revision.proven = life.revision.proven or replica.revision == life.revision.number
            self.recovery.succeeded(now)
        self.changed()

    def _over(self, replica: Replica, life: Life, task: asyncio.Task[End]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._bury(replica, task.result())
        elif task.cancelled() and life.handle is None and replica.state is State.DRAINING:
            self._bury(replica, _UNWANTED)
        elif task.cancelled() and self.keep and replica.wanted:
            self._forget(replica)
        # Otherwise everything is being stopped at once.

    def _bury(self, replica: Replica, end: End) -> None:
        now, before = time.monotonic(), replica.state
        self._pool.apply(replica, Event.EXIT, now)
        if before is State.DRAINING:
            self._metrics.exited("drained")
        if before in {State.DRAINING, State.FAILED}:
            log.info("%s: replica %s has stopped (%s)", self._config.name, replica.id, end.reason)
        else:
            self._failed(replica, end, now)
        self._forget(replica)

    def _forget(self, replica: Replica) -> None:
        self._pool.remove(replica)
        self._metrics.usage.pop(replica.id, None)
        del self._lives[replica]
        if not self._lives:
            self._empty.set()
        self.changed()

    def _condemn(self, replica: Replica, verdict: End) -> None:
        now = time.monotonic()
        if self._pool.apply(replica, Event.CONDEMN, now) and replica.gone:
            self._failed(replica, verdict, now)
            self._terminate(replica, hung=verdict.silent and self._lives[replica].revision.bare_functions)
            self.changed()

    def _failed(self, replica: Replica, end: End, now: float) -> None:
        life = self._lives[replica]
        log.error("%s: replica %s failed: %s", self._config.name, replica.id, end.reason)
        handle = life.handle
        lines = handle.last_lines() if handle is not None else ()
        self._metrics.failed(replica, end.kind, end.reason, lines)
        if replica.revision == self.revision.number:  # what is being replaced is not started again
            self.recovery.failed(replica, end.reason, lines, now)

    def hurry(self, replica: Replica) -> None:
        """Live traffic was refused: ask the replica at once."""
        life = self._lives.get(replica)
        if life is not None and life.vigil is not None:
            life.vigil.hurry()

    # The way out

    def send_away(self, replica: Replica, now: float) -> None:
        """Drain it for good: demand that returns does not take it back."""
        if replica in self._lives:
            self._lives[replica].sent_away = True
            self.drain(replica, now)

    def drain(self, replica: Replica, now: float) -> None:
        """No new requests, SIGTERM as [tidegate.drain] says, SIGKILL after response_grace_period."""
        if self._pool.apply(replica, Event.DRAIN, now):
            log.info("%s: replica %s drains with %d in flight", self._config.name, replica.id, replica.in_flight)
            self._terminate(replica)

    def _terminate(self, replica: Replica, hung: bool = False) -> None:
        life = self._lives[replica]
        if life.handle is not None:
            life.termination = Termination(self._config, replica, life.handle, hung)
            self._tasks.create_task(life.termination.run())
        elif life.task is not None:
            life.task.cancel()

    def recall(self, now: float) -> bool:
        """Take a draining replica back that was not sent SIGTERM yet; false if there is none."""
        for replica, life in self._lives.items():
            if replica.state is not State.DRAINING or life.sent_away or life.termination is None:
                continue
            if replica.revision != self.revision.number:
                continue
            if life.termination.recall():
                life.told_ready = False
                self._pool.apply(replica, Event.RECALL, now)
                log.info("%s: replica %s is taken back", self._config.name, replica.id)
                return True
        return False

    async def close(self) -> None:
        """Drain every replica, or with `keep` let go of those that are wanted; return when the last is gone."""
        now = time.monotonic()
        for replica, life in list(self._lives.items()):
            if self.keep and replica.wanted and life.handle is not None and life.task is not None:
                life.task.cancel()
            else:
                self.drain(replica, now)
        await self._empty.wait()
        await self.revision.preparation.close()
        await self.end(self.keep)

    async def end(self, keep: bool) -> None:
        """Give back what the backends hold."""
        for backend in self._backends:
            await backend.close(keep)

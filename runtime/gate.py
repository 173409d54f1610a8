"""The gate: this project's proxy with one local replica, and its own answers to GET /ready and GET /health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica, State
from proxy.errors import Draining, ReplicaFailed
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.listener import Listener
from proxy.net.service import Service, Terms
from proxy.runs.door import Door
from runtime.options import Options
from runtime.site import GateSite, Said

_SWEEP_SECONDS = 0.1
_CONNECT_SECONDS = 5.0
_MAX_HEADER_BYTES = 65_536
# What was sent before SIGTERM came is served: it may still have to be accepted and read.
_ARRIVING_SECONDS = 0.1
# Answers that are complete still have to reach slow clients when the command has ended.
_LAST_BYTES_SECONDS = 2.0


class Gate:
    """Limit, queue, probes and drain of one server; `hopeless` is asked whether starting it keeps failing."""

    def __init__(self, options: Options, name: str, tasks: asyncio.TaskGroup) -> None:
        now = time.monotonic()
        self.grace_seconds = options.grace_seconds
        self.hang_seconds = options.hang_seconds
        self.hopeless: Callable[[], bool] = lambda: False
        self.pool = Pool(FirstAvailable(), options.queue, now)
        self.pool.on_change = self._replica_changed
        self.refused: Callable[[], None] = lambda: None  # live traffic could not connect
        self._options = options
        self._name = name
        self._began = now
        self._deadlines = Deadlines(_SWEEP_SECONDS)
        self._connections = Connections(tasks, self._deadlines, _CONNECT_SECONDS)
        grace = options.grace_seconds
        terms = Terms(name, grace_seconds=grace, first_byte_seconds=grace, idle_seconds=grace, queue_seconds=grace)
        service = Service(terms, self.pool, self._connections, self, self._deadlines)
        said = {b"/ready": self._say_ready, b"/health": self._say_healthy}
        self.site = GateSite(service, self._deadlines, said)
        self._runs = Door([service], tasks, self._deadlines)
        self._runs.ended = self._run_ended
        self.site.aside = self._runs.aside
        self._listener = Listener(self.site, _MAX_HEADER_BYTES)
        self._tasks = tasks
        self._sweeps: list[asyncio.Task[None]] = []
        self._replica: Replica | None = None
        self._order = 0
        self._problem = ""
        self._idle = asyncio.Event()

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def draining(self) -> bool:
        return self.site.draining

    async def open(self) -> None:
        """Raises UserError if the address cannot be had."""
        await self._listener.open(self._options.host, self._options.port)
        self._sweeps = [
            self._tasks.create_task(deadlines.run()) for deadlines in (self._deadlines, self._listener.timeouts)
        ]

    # The one replica

    def stand_before(self, replica_id: str, host: str, port: int, started_at: float) -> Replica:
        """A command was started at `started_at` (time.monotonic), that will listen there."""
        replica = self._replica = Replica(self._order, replica_id, self._options.limit, started_at)
        self._order += 1
        replica.host, replica.port = host, port
        self.pool.add(replica)
        return replica

    def lost(self, replica: Replica, problem: str) -> None:
        """Its command has ended."""
        self._problem = problem
        self._replica = None
        self.pool.apply(replica, Event.EXIT, time.monotonic())
        self.pool.remove(replica)

    def _replica_changed(self, replica: Replica, before: State) -> None:
        if not replica.routable:
            self._connections.drop(replica)
        if replica.state is State.UNREADY and before is State.READY:
            self.refused()

    # What it says of itself

    def _say_ready(self) -> Said:
        replica = self._replica
        ready = replica is not None and replica.routable and not self.draining
        return Said(ready, {"ready": ready, **self._status()})

    def _say_healthy(self) -> Said:
        healthy = not self.hopeless()
        return Said(healthy, {"healthy": healthy, **self._status()})

    def _status(self) -> dict[str, object]:
        status, reason = self._state()
        return {
            "status": status,
            **({"reason": reason} if reason else {}),
            "in_flight": self.pool.in_flight,
            "limit": self._options.limit,
            "queued": len(self.pool.queue),
            "uptime": round(time.monotonic() - self._began, 3),
        }

    def _state(self) -> tuple[str, str]:
        replica = self._replica
        if self.draining:
            return "draining", ""
        if replica is None or replica.gone:
            return "restarting", self._problem
        return replica.state.value, "" if replica.routable else replica.last_probe or self._problem

    # The end

    async def finish(self) -> None:
        """Begin nothing any more; return when all that was accepted has ended, or after `hurry`."""
        await asyncio.sleep(_ARRIVING_SECONDS)
        self.site.draining = True
        if self._replica is not None:
            self._replica.when_idle(self._look_soon)
        self._look()
        await self._idle.wait()

    def hurry(self) -> None:
        """Wait no longer for requests."""
        self._idle.set()

    def give_up(self) -> None:
        """The command is killed now: what still runs there gets 504."""
        if self._replica is not None:
            self._replica.killed = True

    def waited(self, seconds: float) -> None:
        """Nobody counts here."""

    def finished(self, status: int, seconds: float) -> None:
        """After a broken answer nothing is sent until a probe has passed: sockets close before an exit is seen."""
        if status == ReplicaFailed.status and self._replica is not None:
            self.pool.apply(self._replica, Event.MISSED, time.monotonic())
        if self.site.draining:
            self._look_soon()

    def _run_ended(self) -> None:
        if self.site.draining:
            self._look_soon()

    def _look_soon(self) -> None:
        """A slot that came back may go to the next in line in the same step."""
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        if not self.pool.in_flight and not self.pool.queue and not self._runs.busy:
            self._idle.set()

    async def close(self) -> None:
        """The command has ended for good: who still waits is told, and complete answers reach their clients."""
        self.site.draining = True
        self.pool.refuse(lambda: Draining(f"{self._name} has ended"), time.monotonic())
        try:
            async with asyncio.timeout(_LAST_BYTES_SECONDS):
                await self._listener.drain()
                await self._runs.drain()
        except TimeoutError:
            pass
        await self._runs.close()
        self._listener.close()
        self._connections.close()
        for sweep in self._sweeps:
            sweep.cancel()

"""A backend and a prober that do what they are told and remember, and an app steered by them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from proxy.backends.base import Consumption, Exit, Found, Handle
from proxy.config import AppConfig, parse
from proxy.control.adoption import Adoption
from proxy.control.lifecycle import Lifecycle
from proxy.control.placement import Placement
from proxy.control.prober import Prober
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.capacity import Machine, Resources, Tenant
from proxy.core.pool import Pool
from proxy.core.probe import Answer
from proxy.core.replica import Replica, Reservation
from proxy.errors import AnswerError, StartError
from proxy.metrics import AppMetrics

YES = Answer(True, "/ready answered 200", spoken=True)
NO = Answer(False, "/ready answered 503: loading", spoken=True)
SILENCE = Answer(False, "/ready did not answer within 2 s", silent=True)

QUICK = "[tidegate.probes]\ninterval_seconds = 0.001\n"


def config(toml: str = "", **scaling: float) -> AppConfig:
    """Of one request per replica; `scaling` sets what a file could not, such as no grace at all."""
    text = f'[cerebrium.deployment]\nname = "demo"\n[cerebrium.scaling]\nreplica_concurrency = 1\n{toml}'
    parsed = parse(text, Path("cerebrium.toml"))
    return replace(parsed, scaling=parsed.scaling.model_copy(update=scaling))


def impatient(parsed: AppConfig) -> AppConfig:
    """Gives a replica no time to get ready."""
    deployment = parsed.deployment.model_copy(update={"initialization_timeout_seconds": 0.0})
    return replace(parsed, deployment=deployment)


class FakeHandle:
    """Ends at the first signal unless it is stubborn; then only SIGKILL helps."""

    host = "127.0.0.1"
    create_seconds = 0.25

    def __init__(self, port: int, stubborn: bool = False) -> None:
        self.port = port
        self.obstacle = ""
        self.signals: list[str] = []
        self.said: tuple[str, ...] = ()
        self.gone = asyncio.Event()
        self.stubborn = stubborn
        self._reason = ""

    @property
    def identity(self) -> Mapping[str, int | str]:
        return {"pid": self.port}

    def exit(self, reason: str) -> None:
        self._reason = reason
        self.gone.set()

    def last_lines(self) -> tuple[str, ...]:
        return self.said

    async def wait(self) -> Exit:
        await self.gone.wait()
        return Exit(None, self._reason)

    async def terminate(self) -> None:
        self._take("SIGTERM", fatal=not self.stubborn)

    async def kill(self) -> None:
        self._take("SIGKILL", fatal=True)

    def _take(self, signal: str, fatal: bool) -> None:
        if not self.gone.is_set():
            self.signals.append(signal)
            if fatal:
                self.exit(f"killed by {signal}")


class FakeBackend:
    """`may_find`, `may_prepare` and `may_start` hold back what waits for them; an `error` fails it."""

    restarts = True
    outlives = True

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.find_errors: list[str] = []
        self.handles: list[FakeHandle] = []
        self.preparations = 0
        self.closed: list[str] = []
        self.stubborn = False
        self.error = ""
        self.may_prepare = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_find = asyncio.Event()
        self.may_find.set()
        self.may_prepare.set()
        self.may_start.set()
        self.made_from = "one"

    async def check(self) -> None:
        return

    async def find(self) -> Sequence[Found]:
        await self.may_find.wait()
        if self.find_errors:
            raise StartError(self.find_errors.pop(0))
        return self.found

    async def prepare(self) -> None:
        self.preparations += 1
        await self.may_prepare.wait()
        if self.error:
            raise StartError(self.error)

    async def identity(self) -> str:
        return self.made_from

    def revise(self, config: AppConfig) -> FakeBackend:
        return FakeBackend()

    async def start(self, replica_id: str) -> FakeHandle:
        await self.may_start.wait()
        if self.error:
            raise StartError(self.error)
        self.handles.append(FakeHandle(40000 + len(self.handles), self.stubborn))
        return self.handles[-1]

    async def consumption(self, handles: Mapping[str, Handle]) -> Mapping[str, Consumption]:
        return {key: Consumption(0.0, handle.port) for key, handle in handles.items()}

    async def close(self, keep: bool = False) -> None:
        self.closed.append("replicas kept" if keep else "all gone")


class FakeProber(Prober):
    """Answers what it is told to."""

    def __init__(self, parsed: AppConfig) -> None:
        asks = Prober.of(parsed, ours=True)
        self.ready_path, self.health_path = asks.ready_path, asks.health_path
        self.readiness = YES
        self.health = YES
        self.asked: list[str] = []

    async def ready(self, host: str, port: int) -> Answer:
        self.asked.append("ready")
        return self.readiness

    async def healthy(self, host: str, port: int) -> Answer:
        self.asked.append("healthy")
        return self.health


class FakeWaiter:
    """A request in line."""

    def __init__(self) -> None:
        self.reservation: Reservation | None = None
        self.error: AnswerError | None = None

    def granted(self, reservation: Reservation, now: float) -> None:
        self.reservation = reservation

    def refused(self, error: AnswerError) -> None:
        self.error = error


class Steered:
    """One app whose replicas are fakes."""

    def __init__(self, parsed: AppConfig, tasks: asyncio.TaskGroup) -> None:
        self.config = parsed
        self.tasks = tasks
        self.backend = FakeBackend()
        self.prober = FakeProber(parsed)
        self.pool = Pool(FirstAvailable(), 10, time.monotonic())
        self.metrics = AppMetrics("demo", self.pool)
        self.lifecycle = Lifecycle(parsed, self.backend, self.prober, self.pool, self.metrics, tasks)
        self.adoption = Adoption("demo", self.lifecycle)
        self.woken = 0

    def placement(self, machine: Machine, *, protected: bool = False) -> Placement:
        """Its place on a machine of which each of its replicas takes a core."""
        tenant = Tenant("demo", Resources(cpu=1), protected, self.pool, self.lifecycle.drain, self._wake)
        return Placement(self.lifecycle, machine, tenant)

    def _wake(self) -> None:
        self.woken += 1

    @property
    def replicas(self) -> list[Replica]:
        return list(self.pool)

    @property
    def states(self) -> list[str]:
        return [replica.state.value for replica in self.pool]

    async def start(self, state: str = "ready") -> tuple[Replica, FakeHandle]:
        """Start one more replica and wait for its state."""
        before = len(self.backend.handles)
        self.lifecycle.start_one(time.monotonic())
        replica = self.replicas[-1]
        await until(lambda: replica.state.value == state and len(self.backend.handles) > before)
        return replica, self.backend.handles[-1]

    def wait(self) -> FakeWaiter:
        """A request that finds no slot."""
        waiter = FakeWaiter()
        self.pool.wait(waiter, time.monotonic())
        return waiter

    def reserve(self) -> Reservation:
        reservation = self.pool.reserve(time.monotonic())
        assert reservation is not None
        return reservation

    def drain(self, replica: Replica) -> None:
        self.lifecycle.drain(replica, time.monotonic())


class _Over(Exception):
    """The scenario has ended: what still runs is cancelled."""


Scenario = Callable[[Steered], Awaitable[None]]


def steered(parsed: AppConfig) -> Callable[[Scenario], Callable[[], None]]:
    """Make a scenario a test: it gets an app with that configuration, and twenty seconds."""

    def decorated(scenario: Scenario) -> Callable[[], None]:
        def test() -> None:
            asyncio.run(_run(scenario, parsed))

        test.__name__ = scenario.__name__
        return test

    return decorated


async def _run(scenario: Scenario, parsed: AppConfig) -> None:
    try:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            await scenario(Steered(parsed, tasks))
            raise _Over
    except* _Over:
        pass


async def until(condition: Callable[[], object]) -> None:
    """Let the others run until it holds; bounded by the time of the test."""
    while not condition():  # noqa: ASYNC110 - what holds of several objects is no one event
        await asyncio.sleep(0)


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)

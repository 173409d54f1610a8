"""Watching one replica: from the answers to its probes to the events of its table."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.control.termination import End
from proxy.core.health import Health
from proxy.core.probe import Answer, start_pause_seconds
from proxy.core.replica import Event, Replica, State

if TYPE_CHECKING:  # settings are pydantic models, which the container entrypoint has no time to import
    from proxy.config import AppConfig

_REVIVAL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a replica is asked, how many failures in a row condemn it, and how long it may take to get ready."""

    interval_seconds: float
    failures: int
    give_up_seconds: float
    slowest_start_seconds: float

    @classmethod
    def of(cls, config: AppConfig, slowest_start_seconds: float) -> Patience:
        probes = config.probes
        give_up_seconds = config.deployment.initialization_timeout_seconds
        return cls(probes.interval_seconds, probes.failures, give_up_seconds, slowest_start_seconds)


class Asking(Protocol):
    """Who asks; the same path twice is one question."""

    ready_path: str
    health_path: str

    async def ready(self, host: str, port: int) -> Answer: ...

    async def healthy(self, host: str, port: int) -> Answer: ...


class Vigil:
    """What is known of one replica from asking it.

    `began` is when it had been started, `spoke_at` when its server first answered anything (time.monotonic).
    """

    def __init__(self, patience: Patience, prober: Asking, replica: Replica) -> None:
        self.began = time.monotonic()
        self.spoke_at: float | None = None
        self._missed = 0
        self._patience = patience
        self._prober = prober
        self._replica = replica
        self._readiness = Health(patience.failures)
        self._health = Health(patience.failures)
        self._health_due = 0.0
        self._hurry = asyncio.Event()

    def change(self, patience: Patience, prober: Asking) -> None:
        """Ask like this from now on."""
        self._patience, self._prober = patience, prober
        self._readiness.failures = self._health.failures = patience.failures

    def hurry(self) -> None:
        """Live traffic was refused: ask at once."""
        self._hurry.set()

    async def ask(self, obstacle: str = "") -> Event:
        """The readiness probe's answer as an event; an `obstacle` is an answer, too."""
        replica = self._replica
        answer = _blocked(obstacle) or await self._prober.ready(replica.host, replica.port)
        replica.last_probe = answer.text
        if self.spoke_at is None and (answer.spoken or answer.passed):
            self.spoke_at = time.monotonic()
        event = self._event(answer)
        self._missed = 0 if event is Event.PASSED else self._missed + 1
        return event

    def _event(self, answer: Answer) -> Event:
        """A clear "no" counts at once; silence of a ready replica, which may only be busy, after `failures`."""
        if answer.unasked:
            return Event.PASSED if self._replica.state is State.READY else Event.MISSED
        tripped = self._readiness.note(answer.passed)
        busy = answer.silent and not tripped and self._replica.state is State.READY
        return Event.PASSED if answer.passed or busy else Event.MISSED

    async def verdict(self, now: float, obstacle: str = "") -> End | None:
        """Why it is to be replaced: not ready in time, or its health failed in a row; None if it is not."""
        replica = self._replica
        if replica.ready_at is None:
            seconds = self._patience.give_up_seconds
            late = now - self.began >= seconds
            return End("not ready in time", f"not ready within {seconds:g} s: {replica.last_probe}") if late else None
        if self._prober.health_path == self._prober.ready_path and replica.state is State.READY:
            self._health.note(True)  # the same question has just been answered
            return None
        if now < self._health_due:  # an unready replica is asked for readiness far more often
            return None
        self._health_due = now + self._patience.interval_seconds
        answer = _blocked(obstacle) or await self._prober.healthy(replica.host, replica.port)
        if answer.unasked or not self._health.note(answer.passed):
            return None
        reason = f"its health check failed {self._patience.failures} times: {answer.text}"
        return End("unhealthy", reason, answer.silent)

    async def pause(self) -> None:
        """Until the next question is due, or live traffic was refused."""
        try:
            async with asyncio.timeout(self._pause_seconds()):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    def _pause_seconds(self) -> float:
        interval = self._patience.interval_seconds
        if self._replica.ready_at is None:
            return start_pause_seconds(time.monotonic() - self.began, slowest=self._patience.slowest_start_seconds)
        if self._missed:  # an unready one is asked soon, then ever more seldom
            return min(interval, _REVIVAL_SECONDS * 2.0 ** min(self._missed, 16))
        return interval


def _blocked(obstacle: str) -> Answer | None:
    return Answer(False, obstacle) if obstacle else None

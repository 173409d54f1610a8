"""Watching one replica: from the answers to its probes to the events of its table."""

from __future__ import annotations

import asyncio
import time

from proxy.config import AppConfig
from proxy.control.prober import Answer, Prober, start_pause_seconds
from proxy.control.termination import End
from proxy.core.health import Health
from proxy.core.replica import Event, Replica, State

_REVIVAL_SECONDS = 0.05


class Vigil:
    """What is known of one replica from asking it.

    `began` is when it had been started, `spoke_at` when its server first answered anything (time.monotonic).
    """

    def __init__(self, config: AppConfig, prober: Prober, replica: Replica, slowest_start_seconds: float) -> None:
        self.began = time.monotonic()
        self.spoke_at: float | None = None
        self._slowest_start_seconds = slowest_start_seconds
        self._missed = 0
        self._probes = config.probes
        self._give_up_seconds = config.deployment.initialization_timeout_seconds
        self._prober = prober
        self._replica = replica
        self._readiness = Health(config.probes.failures)
        self._health = Health(config.probes.failures)
        self._health_due = 0.0
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Live traffic was refused: ask at once."""
        self._hurry.set()

    async def ask(self) -> Event:
        """The readiness probe's answer as an event."""
        replica = self._replica
        answer = await self._prober.ready(replica.host, replica.port)
        replica.last_probe = answer.text
        if self.spoke_at is None and (answer.spoken or answer.passed):
            self.spoke_at = time.monotonic()
        event = self._event(answer)
        self._missed = 0 if event is Event.PASSED else self._missed + 1
        return event

    def _event(self, answer: Answer) -> Event:
        """A clear "no" counts at once; silence of a ready replica, which may only be busy, after `failures`."""
        tripped = self._readiness.note(answer.passed)
        busy = answer.silent and not tripped and self._replica.state is State.READY
        return Event.PASSED if answer.passed or busy else Event.MISSED

    async def verdict(self, now: float) -> End | None:
        """Why it is to be replaced: not ready in time, or its health failed in a row; None if it is not."""
        replica = self._replica
        if replica.ready_at is None:
            seconds = self._give_up_seconds
            late = now - self.began >= seconds
            return End("not ready in time", f"not ready within {seconds:g} s: {replica.last_probe}") if late else None
        if self._prober.health_path == self._prober.ready_path and replica.state is State.READY:
            self._health.note(True)  # the same question has just been answered
            return None
        if now < self._health_due:  # an unready replica is asked for readiness far more often
            return None
        self._health_due = now + self._probes.interval_seconds
        answer = await self._prober.healthy(replica.host, replica.port)
        if not self._health.note(answer.passed):
            return None
        return End("unhealthy", f"its health check failed {self._probes.failures} times: {answer.text}")

    async def pause(self) -> None:
        """Until the next question is due, or live traffic was refused."""
        try:
            async with asyncio.timeout(self._pause_seconds()):
                await self._hurry.wait()
        except TimeoutError:
            return
        self._hurry.clear()

    def _pause_seconds(self) -> float:
        interval = self._probes.interval_seconds
        if self._replica.ready_at is None:
            return start_pause_seconds(time.monotonic() - self.began, slowest=self._slowest_start_seconds)
        if self._missed:  # an unready one is asked soon, then ever more seldom
            return min(interval, _REVIVAL_SECONDS * 2.0 ** min(self._missed, 16))
        return interval

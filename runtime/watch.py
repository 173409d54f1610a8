"""Watching one command from its start to its end: is it ready, and does it hang."""

from __future__ import annotations

import logging
import math
import os
import time

from proxy.backends.lifeline import LIFELINE
from proxy.control.prober import Prober, Question
from proxy.control.recovery import Recovery
from proxy.control.vigil import Patience, Vigil
from proxy.core.pool import Pool
from proxy.core.probe import SLOWEST_START_SECONDS
from proxy.core.replica import Replica
from runtime.child import Child
from runtime.launch import Launch

log = logging.getLogger("tidegate.runtime")

_PROBE_SECONDS = 2.0
_INTERVAL_SECONDS = 5.0
_FAILURES = 3


class Watch:
    """Turns what the command answers into its replica's events; `hung` is why it was killed, if it was."""

    def __init__(self, launch: Launch, child: Child, replica: Replica, hang_seconds: float) -> None:
        self.hung = ""
        self._launch = launch
        self._child = child
        self._replica = replica
        interval = min(_INTERVAL_SECONDS, hang_seconds / _FAILURES)
        patience = Patience(interval, _FAILURES, math.inf, SLOWEST_START_SECONDS)
        readiness = Question(launch.ready_path, _PROBE_SECONDS)
        health = Question(launch.health_path or launch.ready_path, hang_seconds / _FAILURES)
        self._vigil = Vigil(patience, Prober(readiness, health), replica)
        self.hurry = self._vigil.hurry

    async def run(self, pool: Pool, recovery: Recovery) -> None:
        """Until it hangs; to be cancelled when it has ended."""
        replica = self._replica
        while not self.hung:
            first = replica.ready_at is None
            event = await self._vigil.ask()
            if pool.apply(replica, event, time.monotonic()):
                self._report(first, recovery)
            if self._launch.mended and (verdict := await self._vigil.verdict(time.monotonic())) is not None:
                self._kill(verdict.reason)
            await self._vigil.pause()

    def _report(self, first: bool, recovery: Recovery) -> None:
        name, now = self._launch.name, time.monotonic()
        if not self._replica.routable:
            log.warning("%s is not ready: %s", name, self._replica.last_probe)
            return
        recovery.succeeded(now)
        if not first:
            log.info("%s is ready again", name)
            return
        log.info("%s is ready after %.2f s", name, now - self._replica.started_at)
        if os.getpid() != 1:  # with process 1 the kernel ends its whole namespace
            LIFELINE.add(self._child.pid)

    def _kill(self, reason: str) -> None:
        """What runs there gets 504: it was stopped by us."""
        self.hung = f"hung and was killed: {reason}"
        self._replica.killed = True
        self._child.kill()

"""Watching one command from its start to its end: is it ready, and does it hang."""

from __future__ import annotations

import logging
import math
import os
import time
from dataclasses import replace

from proxy.backends.lifeline import LIFELINE
from proxy.control.prober import REFUSED, Prober, Question
from proxy.control.recovery import Recovery
from proxy.control.vigil import Patience, Vigil
from proxy.core.pool import Pool
from proxy.core.probe import SLOWEST_START_SECONDS, Answer
from proxy.core.replica import Event, Replica
from runtime.child import Child
from runtime.launch import Launch

log = logging.getLogger("tidegate.runtime")

_PROBE_SECONDS = 2.0
_INTERVAL_SECONDS = 5.0
_FAILURES = 3
_FIRST_WORD_SECONDS = 30.0  # then after twice as long, and so on


class Silence:
    """Since when a question has not been answered at all, neither yes nor no."""

    def __init__(self) -> None:
        self._since: float | None = None

    def note(self, answer: Answer, asked_at: float) -> None:
        if not answer.silent:
            self._since = None
        elif self._since is None:
            self._since = asked_at

    def seconds(self, now: float) -> float:
        return 0.0 if self._since is None else now - self._since


class Heartbeat(Prober):
    """Asks one question, and remembers the silence after it; `elsewhere`: a command may listen on another port."""

    def __init__(self, question: Question, elsewhere: bool = False) -> None:
        super().__init__(question, question)
        self.silence = Silence()
        self._elsewhere = elsewhere

    async def ready(self, host: str, port: int) -> Answer:
        asked_at = time.monotonic()
        answer = await super().ready(host, port)
        self.silence.note(answer, asked_at)
        self._elsewhere = self._elsewhere and not answer.spoken
        if self._elsewhere and answer.text.endswith(REFUSED):
            hint = "if the command listens on another port than PORT says, name it with --upstream-port"
            return replace(answer, text=f"{answer.text} on port {port}; {hint}")
        return answer


class Watch:
    """Turns what the command answers into its replica's events; `hung` is why it was killed, if it was."""

    def __init__(self, launch: Launch, child: Child, replica: Replica, hang_seconds: float) -> None:
        self.hung = ""
        self._launch = launch
        self._child = child
        self._replica = replica
        self._hang_seconds = hang_seconds if launch.mended else math.inf
        probe_seconds = min(_PROBE_SECONDS, self._hang_seconds)
        interval_seconds = min(_INTERVAL_SECONDS, self._hang_seconds / _FAILURES)
        self._heartbeat = Heartbeat(Question(launch.ready_path, probe_seconds), elsewhere=not launch.mended)
        patience = Patience(interval_seconds, _FAILURES, math.inf, SLOWEST_START_SECONDS)
        self._vigil = Vigil(patience, self._heartbeat, replica)
        self._word_due = _FIRST_WORD_SECONDS
        self.hurry = self._vigil.hurry

    async def run(self, pool: Pool, recovery: Recovery) -> None:
        """Until it hangs; to be cancelled when it has ended."""
        while not self.hung:
            first = self._replica.ready_at is None
            event = await self._vigil.ask()
            now = time.monotonic()
            if pool.apply(self._replica, event, now):
                self._report(first, recovery, now)
            elif first:
                self.still_starting(now - self._replica.started_at)
            if self._replica.ready_at is not None and self._heartbeat.silence.seconds(now) >= self._hang_seconds:
                self._kill(pool, now)
            await self._vigil.pause()

    def still_starting(self, seconds: float) -> None:
        """Say why, now and then."""
        if seconds >= self._word_due:
            self._word_due *= 2
            log.warning("%s is not ready after %.0f s: %s", self._launch.name, seconds, self._replica.last_probe)

    def _report(self, first: bool, recovery: Recovery, now: float) -> None:
        name = self._launch.name
        if not self._replica.routable:
            log.warning("%s is not ready: %s", name, self._replica.last_probe)
            return
        recovery.succeeded(now)
        if not first:
            log.info("%s is ready again", name)
            return
        log.info("%s is ready after %.2f s", name, now - self._replica.started_at)
        if os.getpid() != 1:  # with process 1 the kernel ends its whole namespace
            try:
                LIFELINE.add(self._child.pid)
            except OSError as error:
                log.warning("what %s starts may outlive a SIGKILL of process 1: %s", name, error.strerror)

    def _kill(self, pool: Pool, now: float) -> None:
        """What runs there gets 504: it was stopped by us. What comes now waits for the next."""
        pool.apply(self._replica, Event.CONDEMN, now)
        self.hung = f"hung and was killed: {self._launch.ready_path} was not answered for {self._hang_seconds:g} s"
        self._replica.killed = True
        self._child.kill()

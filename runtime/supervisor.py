"""Process 1's work: keeps the command running behind the gate, passes signals on, ends both in the right order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from proxy.backends.child import describe
from proxy.backends.lifeline import LIFELINE
from proxy.backends.ports import PORTS
from proxy.control.recovery import Recovery
from proxy.core.replica import Replica
from runtime.child import ENDING, FORWARDED, ORPHANS, TAKEN, Child, reap
from runtime.gate import Gate
from runtime.launch import Launch
from runtime.watch import Watch

log = logging.getLogger("tidegate.runtime")

Start = Callable[[], tuple[Launch, Child]]


class Supervisor:
    """Owns the command's process; `start` makes the next one after a crash or a hang of one that is mended."""

    def __init__(self, launched: tuple[Launch, Child], start: Start, gate: Gate, tasks: asyncio.TaskGroup) -> None:
        self._launch, self._child = launched
        self._start = start
        self._gate = gate
        self._tasks = tasks
        self._recovery = Recovery(self._launch.name, gate.pool)
        gate.hopeless = lambda: self._recovery.hopeless
        self._replica_id = os.environ.get("REPLICA_ID") or f"local-{os.getpid()}"
        self._was_ready = False
        self._requests_to_end = 0
        self._ending: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._exited = asyncio.Event()

    async def run(self) -> int:
        """Until nothing is left to serve; returns the exit code. Raises UserError if a restart is impossible."""
        self._take_signals()
        try:
            code = await self._serve()
            while await self._goes_on():
                self._exited.clear()
                self._launch, self._child = self._start()
                code = await self._serve()
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the loop may end before the last orphan
            if self._ending is not None:
                self._ending.cancel()
        return code

    async def _serve(self) -> int:
        """One start of the command until its end; returns its exit code."""
        launch, began = self._launch, self._child.started_at
        replica = self._gate.stand_before(self._replica_id, launch.host, launch.port, began)
        watch = Watch(launch, self._child, replica, self._gate.hang_seconds)
        self._gate.refused = watch.hurry
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run(self._gate.pool, self._recovery))
            await self._exited.wait()
            watching.cancel()
        reason = watch.hung or describe(self._child.code, killed=replica.killed).reason
        await self._bury(replica, f"{launch.name} {reason}")
        return self._child.exit_code

    async def _bury(self, replica: Replica, reason: str) -> None:
        self._was_ready = self._was_ready or replica.ready_at is not None
        log.log(logging.INFO if self._stop.is_set() else logging.ERROR, "%s", reason)
        self._gate.lost(replica, reason)
        LIFELINE.remove(self._child.pid)
        LIFELINE.close()
        for seconds in ORPHANS.killed():  # the gate answers meanwhile
            await asyncio.sleep(seconds)
        PORTS.release(self._launch.port)
        self._recovery.failed(replica, reason, (), time.monotonic())

    async def _goes_on(self) -> bool:
        """True after the pause that follows a crash; false if the command is not to be started again.

        One that was never ready is not: whoever started the container sees its exit code.
        """
        if not (self._launch.mended and self._was_ready):
            return False
        # Until the recovery says so itself: a timer may be a millisecond early.
        while not self._stop.is_set() and not self._recovery.may_start(now := time.monotonic()):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._recovery.pause_seconds(now)):
                    await self._stop.wait()
        return not self._stop.is_set()

    # Signals

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in FORWARDED:
            loop.add_signal_handler(number, self._forward, number)
        for number in ENDING:
            loop.add_signal_handler(number, self._asked_to_end, number)
        # Not the loop's own handler: uvloop keeps SIGCHLD for subprocesses of its own, of which there are none.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: loop.call_soon_threadsafe(self._reap))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TAKEN)
        self._reap()

    def _forward(self, number: signal.Signals) -> None:
        self._child.signal(number)

    def _reap(self) -> None:
        ended = reap()
        if self._child.pid in ended:
            self._child.ended(ended[self._child.pid])
            self._exited.set()

    def _asked_to_end(self, number: signal.Signals) -> None:
        """The first time requests may finish; the second time only the command's own end is waited for."""
        self._requests_to_end += 1
        if self._requests_to_end == 1:
            running, waiting = self._gate.pool.in_flight, len(self._gate.pool.queue)
            log.info("%s: %d requests running and %d waiting are let finish", number.name, running, waiting)
            self._stop.set()
            self._ending = self._tasks.create_task(self._end(number))
        elif self._requests_to_end == 2:
            log.info("%s again: the command gets it at once", number.name)
            self._gate.hurry()
        else:
            log.info("%s once more: the command is killed", number.name)
            self._kill()

    async def _end(self, number: signal.Signals) -> None:
        try:
            async with asyncio.timeout(self._gate.grace_seconds):
                await self._gate.finish()
                self._child.signal(number)
                await self._exited.wait()
        except TimeoutError:
            log.warning("%s is killed: it had %g s to end", self._launch.name, self._gate.grace_seconds)
            self._kill()

    def _kill(self) -> None:
        self._gate.give_up()
        self._child.kill()

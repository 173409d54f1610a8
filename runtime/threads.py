"""The threads that run synchronous functions, seen from the loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


class Job:
    """One call on its way through a thread; a thread and the loop share it, so it is only ever written forwards."""

    __slots__ = ("abandoned", "context", "delivered", "error", "function", "outcome", "result", "started", "stopped")

    def __init__(self, function: Callable[[], object], context: Context, outcome: asyncio.Future[object]) -> None:
        self.function = function
        self.context = context
        self.outcome = outcome
        self.result: object = None
        self.error: BaseException | None = None
        self.started = False
        self.abandoned = False
        self.delivered = False
        self.stopped: asyncio.Event | None = None  # who waits for the end of an abandoned call

    def run(self) -> None:
        self.started = True  # before it is asked whether anybody waits: the loop does both the other way round
        if self.abandoned:
            return
        try:
            self.result = self.context.run(self.function)
        except StopIteration as error:
            # A future cannot carry it: the caller would wait for ever (PEP 479 does the same for generators).
            self.error = RuntimeError("function raised StopIteration")
            self.error.__cause__ = error
        except BaseException as error:  # sys.exit in a function, too, is the caller's to answer
            self.error = error

    def deliver(self) -> None:
        self.delivered = True
        if self.stopped is not None:
            self.stopped.set()
        if self.outcome.done():
            return
        if self.error is None:
            self.outcome.set_result(self.result)
        else:
            self.outcome.set_exception(self.error)


class Threads:
    """At most `count` synchronous steps of user code at once, in the order in which they were asked for.

    Half the price of concurrent.futures: results come back in bunches, so that many calls wake the loop once.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._started = 0
        self._present = 0
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._done: deque[Job] = deque()
        self._told = False  # the loop has been woken and has not looked yet

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread. When cancelled, a thread cannot be stopped: this returns only when it has."""
        return await self.run(partial(function, *args, **kwargs), copy_context())

    async def run(self, function: Callable[[], T], context: Context) -> T:
        """As `call`, in a context that may be one of several calls."""
        loop = asyncio.get_running_loop()
        job = Job(function, context, loop.create_future())
        self._present += 1
        if self._present > self._started and self._started < self._count:
            self._started += 1
            # A daemon: a thread that waits for work must not hold up the exit.
            threading.Thread(target=self._work, args=(loop,), name=f"function-{self._started}", daemon=True).start()
        self._jobs.put(job)
        try:
            return cast(T, await job.outcome)
        except asyncio.CancelledError:
            if job.outcome.cancelled():
                await self._abandon(job)
            raise

    async def _abandon(self, job: Job) -> None:
        """Nobody waits any more; returns when it will not run, or has. Raises what it raised."""
        job.abandoned = True
        if not job.started:
            return
        if not job.delivered:  # it may have ended in the same turn of the loop
            job.stopped = asyncio.Event()
            await job.stopped.wait()
        if job.error is not None:
            raise job.error

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """The life of one thread."""
        while True:
            job = self._jobs.get()
            job.run()
            self._done.append(job)
            if not self._told:
                self._told = True
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:  # the loop has ended, and with it everybody who waited
                    return
            del job  # its arguments may be large, and the next one may come late

    def _deliver(self) -> None:
        self._told = False
        while self._done:
            self._present -= 1
            self._done.popleft().deliver()

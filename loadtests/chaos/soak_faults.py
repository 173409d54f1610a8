"""What goes wrong during a soak besides what its requests ask for, one thing at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import psutil

from chaos.proxy import Proxy
from chaos.soak_traffic import Traffic

STOPPED_SECONDS = 1.0
SHORTAGE_SECONDS = 1.5


class Faults:
    """Owns when each fault was; `excuses` are the times in which a request may be lost that a replica had begun."""

    def __init__(self, proxy: Proxy, traffic: Traffic, random: Random, rare: bool) -> None:
        self.done: Counter[str] = Counter()
        self.excuses: list[float] = []
        self._proxy = proxy
        self._traffic = traffic
        self._random = random
        # Rare enough that a crashed replica was, as a rule, sound before: otherwise starts pause up to a minute.
        self._gap = (40.0, 80.0) if rare else (8.0, 16.0)
        self._next_at = time.monotonic() + random.uniform(5, 10)
        self._kinds: list[Callable[[], Awaitable[None]]] = [self._crash, self._stop, self._shortage, self._kill]

    async def run(self, ends: float) -> None:
        while self._next_at < ends:
            await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
            kind = self._kinds[self.done.total() % len(self._kinds)]
            await kind()
            self.done[kind.__name__.strip("_")] += 1
            self._next_at = time.monotonic() + self._random.uniform(*self._gap)

    async def _crash(self) -> None:
        """The replica notes when."""
        await self._traffic.do(Traffic.replica_crash)

    async def _kill(self) -> None:
        pid = await self._replica()
        if pid is not None:
            self.excuses.append(time.monotonic())
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    async def _stop(self) -> None:
        """Nothing may be lost by that."""
        pid = await self._replica()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGSTOP)
                await asyncio.sleep(STOPPED_SECONDS)
                os.killpg(pid, signal.SIGCONT)

    async def _shortage(self) -> None:
        """Of file descriptors. Nothing may be lost by that, either: what comes waits."""
        process = psutil.Process(self._proxy.process.pid)
        before = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (4, before[1]))
        await asyncio.sleep(SHORTAGE_SECONDS)
        process.rlimit(psutil.RLIMIT_NOFILE, before)

    async def _replica(self) -> int | None:
        pids = await asyncio.to_thread(self._proxy.replica_pids)
        return self._random.choice(pids) if pids else None

"""Requests sent at the times that were drawn, whatever the answers do, and when each reached its replica."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp

LATEST_SECONDS = 0.005
"""More lateness than this in one send of a hundred, and the client was too slow for its figures to count."""


class Visit(NamedTuple):
    """One request; times of the monotonic clock, which all processes of a machine share."""

    number: int
    due: float
    sent: float
    began: float
    took: float
    replica: str

    @property
    def wait(self) -> float:
        """From the send until the replica began with it."""
        return self.began - self.sent


class Visits:
    """All requests of one run at one proxy."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.served: list[Visit] = []
        self.refused: dict[int, int] = {}  # status → how many

    async def run(self, arrivals: Sequence[float], services: Sequence[float], begin: float) -> None:
        """Raises aiohttp.ClientError where the proxy breaks off."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=300)
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as tasks:
            for number, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
                due = begin + arrival
                await asyncio.sleep(due - time.monotonic())
                tasks.create_task(self._visit(session, number, due, service))

    async def _visit(self, session: aiohttp.ClientSession, number: int, due: float, service: float) -> None:
        sent = time.monotonic()
        async with session.get(self._url, headers={"x-service-seconds": f"{service:.6f}"}) as response:
            if response.status != 200:
                self.refused[response.status] = self.refused.get(response.status, 0) + 1
                await response.read()
                return
            said: Any = await response.json()  # Any: a JSON document
        self.served.append(Visit(number, due, sent, said["began"], said["took_seconds"], said["replica"]))

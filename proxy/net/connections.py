"""Connections to the replicas of one app: kept while idle, opened when none is."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol, cast

from proxy.backends import local_socket
from proxy.core.replica import Replica
from proxy.core.shortage import SHORTAGES
from proxy.net.deadlines import NEVER, Deadlines
from proxy.net.link import Link

# Below what common servers keep an idle connection for (uvicorn: 5 s), so that ours ends first.
IDLE_SECONDS: Final = 4.0
# So much before the time that a replica names in Keep-Alive: what is sent at the last moment comes too late.
MARGIN_SECONDS: Final = 1.0
# Between two tries while this process has no file descriptor, or this machine no port, for a connection.
_SHORTAGE_SECONDS: Final = 0.05
# A timer may fire a millisecond early (uvloop): what the request's own end cuts off must be seen to be cut off by it.
_EARLY_SECONDS: Final = 0.01


class Caller(Protocol):
    """Who asked for a connection, and until when it is of use to it."""

    limit_at: float

    def connected(self, link: Link, now: float) -> None: ...

    def connect_failed(self, error: OSError) -> None: ...


class Connections:
    """Idle connections by replica, the last used first; owns the tasks that open new ones."""

    def __init__(self, tasks: asyncio.TaskGroup, deadlines: Deadlines, connect_seconds: float) -> None:
        self._tasks = tasks
        self.deadlines = deadlines  # each connection is watched from its beginning to its end
        self.connect_seconds = connect_seconds
        self._idle: dict[Replica, list[Link]] = {}

    def take(self, replica: Replica) -> Link | None:
        links = self._idle.get(replica)
        if not links:
            return None
        link = links.pop()
        link.deadline = NEVER
        return link

    def open(self, replica: Replica, caller: Caller) -> None:
        coroutine = self._open(replica, caller)
        try:
            self._tasks.create_task(coroutine)
        except RuntimeError:  # the proxy is stopping at once
            coroutine.close()
            stopping = ConnectionAbortedError("the proxy is stopping")
            asyncio.get_running_loop().call_soon(caller.connect_failed, stopping)  # the caller still expects no answer

    async def _open(self, replica: Replica, caller: Caller) -> None:
        link = Link(self, replica)
        try:
            left_seconds = caller.limit_at - time.monotonic() + _EARLY_SECONDS
            await self._connect(link, min(self.connect_seconds, left_seconds))
        except OSError as error:
            caller.connect_failed(error)
        except UnicodeError as error:  # what can be no host name
            caller.connect_failed(OSError(f"{replica.host}: {error}"))
        else:
            caller.connected(link, time.monotonic())

    async def _connect(self, link: Link, seconds: float) -> None:
        """A shortage on our side, of file descriptors say, is waited for."""
        problem: OSError = TimeoutError(f"no connection within {seconds:g} s")
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await _connected(link)
                        return
                    except OSError as error:
                        if error.errno not in SHORTAGES:
                            raise
                        problem = error
                    await asyncio.sleep(_SHORTAGE_SECONDS)
        except TimeoutError:
            raise problem from None

    def put(self, link: Link, now: float) -> None:
        """Keep a connection whose last answer was complete."""
        link.rest()
        idle_seconds = min(IDLE_SECONDS, link.idle_seconds - MARGIN_SECONDS)
        if link.closing or not link.replica.routable or idle_seconds <= 0:
            link.close()
            return
        link.deadline = now + idle_seconds
        self._idle.setdefault(link.replica, []).append(link)

    def forget(self, link: Link) -> None:
        """An idle connection ended."""
        links = self._idle.get(link.replica)
        if links and link in links:
            links.remove(link)

    def drop(self, replica: Replica) -> None:
        """Close what is idle to a replica that takes no more requests."""
        for link in self._idle.pop(replica, ()):
            link.close()

    def close(self) -> None:
        for replica in list(self._idle):
            self.drop(replica)


async def _connected(link: Link) -> None:
    loop, replica = asyncio.get_running_loop(), link.replica
    if local_socket.is_local(replica.host):
        sock = await local_socket.connect(replica.host)
        await loop.create_unix_connection(lambda: cast(asyncio.Protocol, link), sock=sock)
    else:
        await loop.create_connection(lambda: cast(asyncio.Protocol, link), replica.host, replica.port)

"""Clients that leave while we are not reading from them.

A paused transport does not see the end of its input. One epoll object that asks for nothing but EPOLLRDHUP
sees it for all of them (epoll_ctl(2)); where there is no epoll, such a client is noticed when it is read again.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable


class HangupWatch:
    """Calls back once when the peer of a watched socket closed or shut down its sending side."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._loop = loop
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            loop.add_reader(self._epoll.fileno(), self._poll)

    def __len__(self) -> int:
        return len(self._calls)

    def watch(self, descriptor: int, call: Callable[[], None]) -> None:
        if self._epoll is not None and descriptor not in self._calls:
            self._calls[descriptor] = call
            self._epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def forget(self, descriptor: int) -> None:
        """Must come before the descriptor is closed."""
        if self._epoll is not None and self._calls.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            self._loop.remove_reader(epoll.fileno())
            epoll.close()

    def _poll(self) -> None:
        for descriptor, _ in self._epoll.poll(0) if self._epoll is not None else ():
            call = self._calls.get(descriptor)
            self.forget(descriptor)
            if call is not None:
                call()

"""Clients that leave while we are not reading from them.

A paused transport does not see the end of its input. One epoll object that asks for nothing but EPOLLRDHUP
sees it for all of them (epoll_ctl(2)); where there is no epoll, such a client is noticed when it is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Callable


class HangupWatch:
    """Calls back once when the peer of a watched transport closed or shut down its sending side.

    Over TLS the loss of a connection is told after its socket was closed, and may have left its number to another.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._calls: dict[int, tuple[asyncio.Transport, Callable[[], None]]] = {}
        self._descriptors: dict[asyncio.Transport, int] = {}
        self._loop = loop
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            loop.add_reader(self._epoll.fileno(), self._poll)

    def __len__(self) -> int:
        return len(self._descriptors)

    def watch(self, transport: asyncio.Transport, call: Callable[[], None]) -> None:
        sock = transport.get_extra_info("socket")
        descriptor = -1 if sock is None else sock.fileno()
        if self._epoll is not None and transport not in self._descriptors and descriptor >= 0:
            self._descriptors[transport] = descriptor
            self._calls[descriptor] = transport, call
            self._epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def forget(self, transport: asyncio.Transport) -> None:
        descriptor = self._descriptors.pop(transport, -1)
        if self._epoll is not None and descriptor in self._calls and self._calls[descriptor][0] is transport:
            del self._calls[descriptor]
            with contextlib.suppress(OSError):  # a closed socket is watched no more
                self._epoll.unregister(descriptor)

    def close(self) -> None:
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            self._loop.remove_reader(epoll.fileno())
            epoll.close()

    def _poll(self) -> None:
        for descriptor, _ in self._epoll.poll(0) if self._epoll is not None else ():
            if descriptor in self._calls:
                transport, call = self._calls[descriptor]
                self.forget(transport)
                call()

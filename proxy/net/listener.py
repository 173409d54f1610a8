"""The data port: accepts clients, and lets them finish when the proxy ends."""

from __future__ import annotations

import asyncio
import errno

from proxy.errors import UserError
from proxy.net.client import ClientConnection
from proxy.net.deadlines import Deadlines
from proxy.net.hangup import HangupWatch
from proxy.net.service import Site

BACKLOG = 4096


class Listener:
    """Owns the listening socket and the client connections."""

    def __init__(self, site: Site, max_header_bytes: int) -> None:
        self.site = site
        self.max_header_bytes = max_header_bytes
        self.hangups = HangupWatch(asyncio.get_running_loop())
        self.timeouts = Deadlines(sweep_seconds=1.0)
        self.port = 0
        self._clients: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    async def open(self, host: str, port: int) -> None:
        """Raises UserError if the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: ClientConnection(self), host, port, backlog=BACKLOG)
        except OSError as error:
            raise UserError(unusable_address("--port", host, port, error)) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self) -> None:
        """Accept nobody any more; return when the last client has its answer."""
        self.site.draining = True
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close_if_idle()
        await self._empty.wait()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.hangups.close()

    def joined(self, client: ClientConnection) -> None:
        self._clients.add(client)
        self.timeouts.watch(client)
        self._empty.clear()

    def left(self, client: ClientConnection) -> None:
        self._clients.discard(client)
        self.timeouts.forget(client)
        if not self._clients:
            self._empty.set()


def unusable_address(option: str, host: str, port: int, error: OSError) -> str:
    """One sentence for an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or choose another with {option}"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges that this user does not have: choose one above 1023 with {option}"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"

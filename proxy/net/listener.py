"""The data port: accepts clients, and lets them finish when the proxy ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import time
from typing import cast

from proxy.errors import Overloaded, UserError
from proxy.net import ending
from proxy.net.client import LINGER_SECONDS, ClientConnection, peer_host
from proxy.net.deadlines import NEVER, Deadlines
from proxy.net.handshakes import Handshakes
from proxy.net.hangup import HangupWatch
from proxy.net.passage import refusal
from proxy.net.site import Site
from proxy.wire.answer import error_answer
from proxy.wire.request import Request

BACKLOG = 4096
# Descriptors for all but clients and their replica connections: listeners, the admin port, replicas' pipes, probes.
OTHER_DESCRIPTORS = 128
LEAST_CLIENTS = 64
# So many of those turned away may take their time to read why; the others are closed at once.
MAX_LINGERING = 64

log = logging.getLogger("tidegate")


class Listener:
    """Owns the listening socket and the client connections; with `handshakes` it speaks TLS."""

    def __init__(self, site: Site, max_header_bytes: int, handshakes: Handshakes | None = None) -> None:
        self.site = site
        self.handshakes = handshakes
        self.secure = handshakes is not None
        self.scheme = b"https" if self.secure else b"http"
        self.max_header_bytes = max_header_bytes
        self.hangups = HangupWatch(asyncio.get_running_loop())
        self.timeouts = Deadlines(sweep_seconds=1.0)
        self.port = 0
        self.max_clients = max_clients()
        self._clients: set[ClientConnection] = set()
        self._turned_away: set[Arrival] = set()
        self._told_full = False
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    async def open(self, host: str, port: int) -> None:
        """Raises UserError if the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            # Served from only when it is ours to close: asyncio would leave it listening if cancelled in between.
            self._server = await loop.create_server(
                lambda: Arrival(self), host, port, backlog=BACKLOG, start_serving=False
            )
            await self._server.start_serving()
        except OSError as error:
            raise UserError(unusable_address("--port", host, port, error)) from None
        except UnicodeError:  # of the encoding of names (RFC 3490)
            raise UserError(f"{host!a} is no host name or address: correct --host") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self) -> None:
        """Accept nobody any more; return when the last client has its answer."""
        self.site.draining = True
        if self._server is not None:
            self._server.close()
        if self.handshakes is not None:
            self.handshakes.close()
        for client in list(self._clients):
            client.close_if_idle()
        await self._empty.wait()

    def reroute(self) -> None:
        """Ask the site anew for the next request of every client."""
        for client in self._clients:
            client.reroute()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self.handshakes is not None:
            self.handshakes.close()
        self.hangups.close()

    def joined(self, client: ClientConnection) -> None:
        self._clients.add(client)
        self.timeouts.watch(client)
        self._empty.clear()

    def left(self, client: ClientConnection) -> None:
        self._clients.discard(client)
        self.timeouts.forget(client)
        if len(self._clients) < self.max_clients // 2:
            self._told_full = False
        if not self._clients:
            self._empty.set()

    @property
    def full(self) -> bool:
        shaking_hands = len(self.handshakes) if self.handshakes is not None else 0
        return len(self._clients) + shaking_hands >= self.max_clients

    def turn_away(self, arrival: Arrival) -> bool:
        """True if it may wait until the client has read why."""
        self.tell_full()
        if len(self._turned_away) >= MAX_LINGERING:
            return False
        self._turned_away.add(arrival)
        self.timeouts.watch(arrival)
        return True

    def tell_full(self) -> None:
        if not self._told_full:
            self._told_full = True
            log.warning("%d clients, as many as the limit of open files allows: more are refused", self.max_clients)

    def forget(self, arrival: Arrival) -> None:
        self._turned_away.discard(arrival)
        self.timeouts.forget(arrival)


class Arrival(asyncio.Protocol):
    """A connection that was just accepted: it becomes a client's, or is told that there are too many.

    Decided when it is made, not when it is accepted: many are accepted before the first of them is made.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self.deadline = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._listener.full:
            self._refuse()
            return
        client = ClientConnection(self._listener)
        if self._listener.handshakes is not None:
            self._listener.handshakes.begin(self._transport, cast(asyncio.Protocol, client))
            return
        self._transport.set_protocol(cast(asyncio.Protocol, client))
        client.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.forget(self)

    def expire(self, now: float) -> None:
        self._transport.abort()

    def _refuse(self) -> None:
        if self._listener.secure:
            self._listener.tell_full()
            self._transport.abort()  # nothing can be said before the handshake, which costs the most
            return
        error = Overloaded(f"all {self._listener.max_clients} client connections there can be are taken", 1)
        site, now = self._listener.site, time.monotonic()
        request_id = site.next_request_id()
        answer = error_answer(error, request_id, keep_alive=False)
        self._transport.write(answer)
        host, unread = peer_host(self._transport), Request(b"", b"")
        site.audience.tell(refusal(unread, request_id, error.status, host, answer, now), unread)
        if self._listener.turn_away(self):
            ending.half_close(self._transport)
            self.deadline = now + LINGER_SECONDS
        else:
            self._transport.close()


def max_clients() -> int:
    """Each may need a connection to a replica, too."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(LEAST_CLIENTS, (descriptors - OTHER_DESCRIPTORS) // 2)


def unusable_address(option: str, host: str, port: int, error: OSError) -> str:
    """One sentence for an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or choose another with {option}"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges that this user does not have: choose one above 1023 with {option}"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"

"""Far ends that remember: transports without sockets, and the request path between them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import cast

from proxy.config import AppConfig
from proxy.core.replica import Replica
from proxy.net.client import ClientConnection
from proxy.net.connections import Caller, Connections
from proxy.net.deadlines import Deadlines
from proxy.net.link import Link
from proxy.net.listener import Listener
from proxy.net.site import Site
from tests.net.house import App, app_config


class FakeSocket:
    def __init__(self) -> None:
        self.lingers = True

    def setsockopt(self, *_option: object) -> None:
        self.lingers = False

    def fileno(self) -> int:
        return -1


class FakeTransport(asyncio.Transport):
    """Remembers what was written and how it ended; `unsent` is what a slow reader has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.ended = ""  # "", "half", "closed", "aborted" or "reset"
        self.reading = True
        self.unsent = 0
        self.protocol: asyncio.Protocol | None = None
        self.socket: FakeSocket | None = FakeSocket()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": ("9.9.9.9", 1), "socket": self.socket}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.ended in {"", "closed"}, f"written after the end ({self.ended}): {data!r}"
        self.sent += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = cast(asyncio.Protocol, protocol)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = self.ended or "half"

    def is_closing(self) -> bool:
        return self.ended in {"closed", "aborted", "reset"}

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "reset" if self.socket is not None and not self.socket.lingers else "aborted"

    def taken(self) -> bytes:
        """What was written since the last time."""
        sent, self.sent = self.sent, b""
        return sent


class FakeHangups:
    """Remembers who is watched."""

    def __init__(self) -> None:
        self.watched: list[Callable[[], None]] = []

    def watch(self, _transport: asyncio.Transport, call: Callable[[], None]) -> None:
        self.watched.append(call)

    def forget(self, _transport: asyncio.Transport) -> None:
        self.watched.clear()


class FakeListener:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.max_header_bytes = 65_536
        self.secure = False
        self.scheme = b"http"
        self.hangups = FakeHangups()
        self.clients: set[ClientConnection] = set()
        self.joined, self.left = self.clients.add, self.clients.discard


class Far:
    """A replica's end of one connection."""

    def __init__(self, link: Link, transport: FakeTransport) -> None:
        self.link, self.transport = link, transport

    def answer(self, body: bytes = b"ok") -> None:
        self.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    def send(self, data: bytes) -> None:
        self.link.data_received(data)

    def close(self) -> None:
        self.link.eof_received()
        self.link.connection_lost(None)

    @property
    def targets(self) -> list[bytes]:
        return re.findall(rb"[A-Z]+ (\S+) HTTP/1.1\r\n", self.transport.sent)


class HandConnections(Connections):
    """Connections that open when the test says so."""

    def __init__(self, deadlines: Deadlines) -> None:
        super().__init__(cast(asyncio.TaskGroup, None), deadlines, 5.0)
        self.asked: list[tuple[Replica, Caller]] = []

    def open(self, replica: Replica, caller: Caller) -> None:
        self.asked.append((replica, caller))

    def connect(self, gone: bool = False) -> Far:
        """`gone`: the replica has closed it before it is handed over."""
        replica, caller = self.asked.pop(0)
        far = Far(Link(self, replica), FakeTransport())
        far.link.connection_made(far.transport)
        if gone:
            far.close()
        caller.connected(far.link, time.monotonic())
        return far

    def fail(self, error: OSError) -> None:
        self.asked.pop(0)[1].connect_failed(error)


class Near:
    """A client's end of one connection."""

    def __init__(self, listener: FakeListener) -> None:
        self.transport = FakeTransport()
        self.connection = ClientConnection(cast(Listener, listener))
        self.connection.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)

    def get(self, target: str = "/", fields: str = "") -> None:
        self.send(f"GET {target} HTTP/1.1\r\nhost: a\r\n{fields}\r\n".encode())

    def post(self, body: bytes, length: int | None = None) -> None:
        size = len(body) if length is None else length
        self.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (size, body))

    def half_close(self) -> bool:
        return self.connection.eof_received()

    def lose(self) -> None:
        self.connection.connection_lost(None)

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", self.transport.sent)]

    @property
    def sent(self) -> bytes:
        return self.transport.sent


class Table:
    """One app between clients and replicas, all in the test's hands; `sweep` passes time."""

    def __init__(self, toml: str = "", limits: tuple[int, ...] = (1,), configs: tuple[AppConfig, ...] = ()) -> None:
        self.deadlines = Deadlines(1.0)
        self.connections = HandConnections(self.deadlines)
        chosen = configs or (app_config("demo", toml),)
        self.apps = [App(config, self.connections, self.deadlines) for config in chosen]
        self.app = self.apps[0]
        self.pool = self.app.pool
        self.replicas = [self.app.ready(limit) for limit in limits]
        self.site = Site([app.service for app in self.apps], self.deadlines)
        self.listener = FakeListener(self.site)

    def client(self) -> Near:
        return Near(self.listener)

    def calling(self, target: str = "/") -> tuple[Near, Far]:
        """A client whose request has reached a replica over a new connection."""
        near = self.client()
        near.get(target)
        return near, self.connections.connect()

    def sweep(self, seconds: float) -> None:
        """As if so much time had passed, for what has a deadline."""
        self.deadlines.sweep(time.monotonic() + seconds)

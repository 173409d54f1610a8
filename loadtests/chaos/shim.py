"""A TCP relay on loopback that does to connections what bad networks and bad servers do."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from random import Random

READ_BYTES = 65_536
# Until a server has seen that its client is gone, and has stopped.
NOTICE_SECONDS = 0.1
HALF_CLOSED_SECONDS = 0.2
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to connections. `delay_seconds` and `piece_bytes` make all slow, both ways.

    To a `share` of them, drawn when they are accepted, comes an `end` after the server has said `after` bytes: "reset",
    "half-close" or "garbage".
    """

    share: float = 1.0
    end: str = ""
    after: int = 0
    delay_seconds: float = 0.0
    piece_bytes: int = READ_BYTES


NONE = Fault()


class Broken(Exception):
    """The fault's end has come."""


class Shim:
    """Relays to `port` of loopback; `fault` may be changed at any time, and new connections draw anew.

    A connection that it breaks ends at the server first: one that breaks connections itself does not go on working.
    With `blackhole` nothing passes any more, as when a cable is pulled.
    """

    def __init__(self, port: int, random: Random) -> None:
        self.fault = NONE
        self.blackhole = False
        self.port = 0
        self._to = port
        self._random = random
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._cuts: set[asyncio.Event] = set()

    async def open(self) -> None:
        """Accept, on the same port as before."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Accept nobody any more; what is open goes on."""
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Break all that is open."""
        for cut in self._cuts:
            cut.set()

    async def close(self) -> None:
        self.refuse()
        self.cut()
        while self._clients:
            await asyncio.sleep(0.01)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.fault if self._random.random() < self.fault.share else NONE
        self._clients.add(writer)
        try:
            await self._relay(reader, writer, fault)
        except* (OSError, EOFError):
            reset(writer)
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        there, server = await asyncio.open_connection("127.0.0.1", self._to)
        cut = asyncio.Event()
        self._cuts.add(cut)
        try:
            async with asyncio.TaskGroup() as tasks:
                cutting = tasks.create_task(_break(cut))
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, server, NONE))
                    pumps.create_task(self._pump(there, writer, fault))
                cutting.cancel()
        except* Broken:
            reset(server)
            await asyncio.sleep(NOTICE_SECONDS)
            await self._end(NONE if cut.is_set() else fault, writer)
        finally:
            self._cuts.discard(cut)
            reset(server)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fault: Fault) -> None:
        said = 0
        while data := await source.read(self.fault.piece_bytes):
            while self.blackhole:
                await asyncio.sleep(0.02)
            await asyncio.sleep(self.fault.delay_seconds)
            last = fault.end != "" and said + len(data) > fault.after
            sink.write(data[: fault.after - said] if last else data)
            await sink.drain()
            if last:
                raise Broken
            said += len(data)
        if sink.can_write_eof():
            sink.write_eof()

    async def _end(self, fault: Fault, client: asyncio.StreamWriter) -> None:
        if fault.end == "half-close":
            client.write_eof()
            await asyncio.sleep(HALF_CLOSED_SECONDS)
        elif fault.end == "garbage":
            client.write(self._random.randbytes(512))
            await client.drain()
        reset(client)


async def _break(cut: asyncio.Event) -> None:
    await cut.wait()
    raise Broken


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()

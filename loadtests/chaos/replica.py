"""A model server that misbehaves as its request says, and counts how many requests it has at once.

Usage: replica.py PORT JOURNAL [READINESS]

It appends lines to the file JOURNAL: "PID start", "PID begin METHOD TARGET", "PID most COUNT", "PID crash SECONDS".
The file READINESS holds the status that /ready answers, also while the server runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
import time
import zlib
from pathlib import Path

PIECE = 65536
HOG_BYTES = 16 << 20
TICK_SECONDS = 0.02
QUIET_SECONDS = 0.1
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER
CRASH_EXIT_CODE = 3


class Gone(Exception):
    """The proxy ended the connection, or it shall be ended."""


class Body:
    """A request's body, whole or in chunks, as pieces."""

    def __init__(self, reader: asyncio.StreamReader, fields: dict[str, str]) -> None:
        self._reader = reader
        self._chunked = fields.get("transfer-encoding") == "chunked"
        self._length = int(fields.get("content-length", "0"))

    async def sum(self, pause_seconds: float) -> bytes:
        """Its length and CRC-32; rests after each piece."""
        length = crc = 0
        while size := await self._next_size():
            piece = await self._reader.readexactly(size)
            length, crc = length + size, zlib.crc32(piece, crc)
            if self._chunked:
                await self._reader.readexactly(2)
            await asyncio.sleep(pause_seconds)
        if self._chunked:
            await self._reader.readexactly(2)
        return b"%d %d" % (length, crc)

    async def _next_size(self) -> int:
        if self._chunked:
            return int(await self._reader.readline(), 16)
        size = min(self._length, PIECE)
        self._length -= size
        return size


class Visit:
    """One request at this replica."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, *_ = first.split()
        self._fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._reader, self._writer = reader, writer

    async def serve(self) -> None:
        """Raises Gone if the connection ends with it."""
        _, action, value, *_ = f"{self.target}//".split("/")
        said = await Body(self._reader, self._fields).sum(float(value) if action == "upload" else 0)
        if action == "events":
            await self._events(int(value))
        elif action == "bytes":
            await self._bytes(int(value))
        elif action == "reset":
            self._reset(int(value))
        elif action == "echo":
            await self._echo()
        elif action == "hog":
            self._hog()
        else:
            if action in {"slow", "deaf"}:
                await self._rest(float(value), notices=action == "slow")
            self._answer(500 if action == "error" else 200, said if action == "upload" else self.target.encode())

    def say(self, status: int) -> None:
        self._answer(status, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self._writer.write(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    async def _rest(self, seconds: float, notices: bool = True) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if notices and (self._reader.at_eof() or self._reader.exception()):
                raise Gone
            await asyncio.sleep(min(left, TICK_SECONDS))

    async def _events(self, count: int) -> None:
        self._writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(count):
            event = b"data: %d\n\n" % number
            self._writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await self._rest(TICK_SECONDS)
        self._writer.write(b"0\r\n\r\n")

    async def _bytes(self, count: int) -> None:
        self._writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % count)
        for start in range(0, count, PIECE):
            await self._writer.drain()
            await self._rest(0.001)
            self._writer.write(bytes(min(PIECE, count - start)))

    def _reset(self, count: int) -> None:
        """In the middle of an answer, or before its head if `count` is 0."""
        if count:
            self._writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (2 * count, bytes(count)))
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._writer.transport.abort()
        raise Gone

    def _hog(self) -> None:
        """Take memory until there is none; the kernel's way to end that is SIGKILL."""
        kept = []
        try:
            while True:
                kept.append(bytearray(HOG_BYTES))
        except MemoryError:
            os.kill(os.getpid(), signal.SIGKILL)

    async def _echo(self) -> None:
        self._writer.write(b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        while data := await self._reader.read(PIECE):
            self._writer.write(data)
            await self._writer.drain()
        raise Gone


class Replica:
    """`most` is the most requests that were ever inside at once."""

    def __init__(self, journal: Path, readiness: Path | None = None) -> None:
        self._readiness = readiness
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._inside = self._most = 0
        self._last_busy = 0.0
        self._writers: set[asyncio.StreamWriter] = set()

    async def run(self, port: int) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        host = os.environ.get("CHAOS_HOST", "127.0.0.1")
        server = await asyncio.start_server(self._connected, host, port, backlog=128)
        self._note("start")
        await stop.wait()
        self._last_busy = time.monotonic()
        while time.monotonic() - self._last_busy < QUIET_SECONDS:
            await asyncio.sleep(0.01)
            if self._inside or any(writer.transport.get_write_buffer_size() for writer in self._writers):
                self._last_busy = time.monotonic()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                await self._take(Visit(await reader.readuntil(b"\r\n\r\n"), reader, writer))
        except (Gone, OSError, EOFError, ValueError):  # ValueError: a body that the proxy cut
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _take(self, visit: Visit) -> None:
        if visit.target == "/ready":
            visit.say(int(self._readiness.read_text() or "503") if self._readiness else 200)
            return
        self._inside += 1
        self._note(f"begin {visit.method} {visit.target}")
        try:
            # The end of another connection, ready in the same turn of the loop, may be seen only after this request.
            for _ in range(4):
                await asyncio.sleep(0)
            self._count()
            if visit.target.startswith("/crash"):
                self._note(f"crash {time.monotonic()}")
                os._exit(CRASH_EXIT_CODE)
            await visit.serve()
        finally:
            self._inside -= 1
            self._last_busy = time.monotonic()

    def _count(self) -> None:
        if self._inside > self._most:
            self._most = self._inside
            self._note(f"most {self._most}")

    def _note(self, event: str) -> None:
        os.write(self._journal, f"{os.getpid()} {event}\n".encode())


if __name__ == "__main__":
    asyncio.run(Replica(*map(Path, sys.argv[2:4])).run(int(sys.argv[1])))

"""One client connection: bytes out, answers in, and rude ends."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from dataclasses import dataclass

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER
READ_BYTES = 65536


class Wrong(Exception):
    """An answer that is not the one that was due."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes

    def expect(self, status: int, body: bytes | None = None) -> None:
        """Raises Wrong."""
        if self.status != status:
            raise Wrong(f"{self.status} instead of {status}: {self.body[:200]!r}")
        if body is not None and self.body != body:
            raise Wrong(f"{len(self.body)} bytes, {self.body[:40]!r}, instead of {len(body)}, {body[:40]!r}")


class Client:
    """Raises OSError or EOFError where the connection ends early."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @property
    def ended(self) -> bool:
        """As the kernel knows it: on a busy machine our loop may see it late, and a request would be sent to nobody."""
        if self._reader.at_eof() or self._reader.exception() is not None:
            return True
        look = select.poll()
        look.register(self._writer.get_extra_info("socket"), select.POLLRDHUP)
        return bool(look.poll(0))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def answer(self, pause_seconds: float = 0.0) -> Answer:
        """The next one; rests after each piece of a body with a length."""
        status, fields = await self.head()
        if status == 101:
            return Answer(status, fields, b"")
        if fields.get("transfer-encoding") == "chunked":
            return Answer(status, fields, await self._chunks())
        return Answer(status, fields, await self._exactly(int(fields["content-length"]), pause_seconds))

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def exactly(self, count: int) -> bytes:
        return await self._reader.readexactly(count)

    async def end(self) -> bytes:
        """What comes until the other side closes."""
        return await self._reader.read()

    async def _exactly(self, count: int, pause_seconds: float) -> bytes:
        pieces = []
        while count:
            piece = await self._reader.readexactly(min(count, READ_BYTES))
            pieces.append(piece)
            count -= len(piece)
            await asyncio.sleep(pause_seconds)
        return b"".join(pieces)

    async def _chunks(self) -> bytes:
        pieces = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            pieces.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(pieces)

    def close(self, reset: bool = False) -> None:
        if reset:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._writer.transport.abort()
        else:
            self._writer.close()

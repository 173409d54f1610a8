"""Reads request bodies to their end, throws them away and answers 200.

nginx cannot: its `return` answers before the body has come, and then a proxy may stop reading.

Usage: discard_server.py PORT
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BUFFER_BYTES = 1 << 20


class Discard(asyncio.BufferedProtocol):
    """One connection; requests come one after the other, never pipelined."""

    def __init__(self, shared: memoryview) -> None:
        self._buffer = shared  # what is read is never kept, so that all connections may use one buffer
        self._head = b""
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, _: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        if self._left:
            self._left -= count
        elif not self._begin(bytes(self._buffer[:count])):
            return
        if not self._left:
            self._transport.write(ANSWER)

    def _begin(self, data: bytes) -> bool:
        """Whether the request's head is complete."""
        self._head += data
        head, end, body = self._head.partition(b"\r\n\r\n")
        if end:
            length = CONTENT_LENGTH.search(head)
            self._left = int(length[1]) - len(body) if length else 0
            self._head = b""
        return bool(end)


async def serve(port: int) -> None:
    shared = memoryview(bytearray(BUFFER_BYTES))
    server = await asyncio.get_running_loop().create_server(lambda: Discard(shared), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

"""The model server under `reload.py`: answers POST /fast at once, /slow after 0.3 s, /stream in pieces over a second.

On SIGTERM it takes no more connections and ends when the last request is answered, as servers do that drain.
"""

from __future__ import annotations

import asyncio
import os
import signal

PIECES = 10
_END = b"0\r\n\r\n"


class Server:
    """Owns the connections; `inside` is how many requests it is answering."""

    def __init__(self) -> None:
        self.inside = 0
        self._writers: dict[asyncio.StreamWriter, bool] = {}  # whether a request is inside
        self._ending = asyncio.Event()

    async def run(self, port: int) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._ending.set)
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        await self._ending.wait()
        server.close()
        for writer, busy in list(self._writers.items()):
            if not busy:
                writer.close()
        while self.inside:  # noqa: ASYNC110 - a server that is only there to be measured
            await asyncio.sleep(0.005)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = False
        try:
            while not self._ending.is_set() and (head := await reader.readuntil(b"\r\n\r\n")):
                self._writers[writer] = True
                self.inside += 1
                try:
                    await self._answer(head, reader, writer)
                finally:
                    self.inside -= 1
                    self._writers[writer] = False
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            del self._writers[writer]
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        path = head.split()[1]
        if path == b"/slow":
            await asyncio.sleep(0.3)
        if path == b"/stream":
            await _stream(writer)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
        await writer.drain()


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for number in range(PIECES):
        writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
        await writer.drain()
        await asyncio.sleep(1 / PIECES)
    writer.write(_END)


if __name__ == "__main__":
    asyncio.run(Server().run(int(os.environ["PORT"])))

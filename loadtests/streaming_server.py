"""A model server that streams 20 events, 10 ms apart, and aborts on SIGTERM, as many do.

Usage: streaming_server.py PORT
"""

from __future__ import annotations

import asyncio
import sys

EVENTS = 20
PAUSE_SECONDS = 0.01
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(HEAD)
            for number in range(EVENTS):
                writer.write(chunk(b"data: %d\n\n" % number))
                await writer.drain()
                await asyncio.sleep(PAUSE_SECONDS)
            writer.write(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def main() -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""A WebSocket server to be run as a replica: `websocket_server.py PORT`.

/echo sends every message back in the fragments that it came in; /close/CODE closes when a message came; /ping says
"ponged" once the client has answered a ping. It speaks the subprotocol "two".
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

MAX_MESSAGE_BYTES = 4 << 20


async def echo(socket: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.send(socket.recv_streaming())


async def ping(socket: ServerConnection) -> None:
    await (await socket.ping())
    await socket.send("ponged")


async def answer(socket: ServerConnection) -> None:
    assert socket.request is not None
    _, action, *rest = socket.request.path.split("/")
    if action == "close":
        await socket.recv()
        await socket.close(int(rest[0]), "enough")
    elif action == "ping":
        await ping(socket)
    else:
        await echo(socket)


def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    two = Subprotocol("two")
    return two if two in offered else None


async def main() -> None:
    port = int(sys.argv[1])
    async with serve(answer, "127.0.0.1", port, select_subprotocol=choose, max_size=MAX_MESSAGE_BYTES) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

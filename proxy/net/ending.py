"""How one side ends a connection: by saying that it sends no more, or by a reset."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

# Zero seconds of lingering make close() send a reset (socket(7), SO_LINGER).
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def half_close(transport: asyncio.Transport) -> None:
    """The other side reads the end of its input, once it has read the rest; over TLS it is the whole connection's."""
    if not transport.can_write_eof():
        transport.close()
    elif not transport.is_closing():
        with contextlib.suppress(OSError):  # shutdown() of a connection that was reset, before its loss is told
            transport.write_eof()


def reset(transport: asyncio.Transport) -> None:
    """At once, without what waits to be sent; fails the other side's next read and write."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()

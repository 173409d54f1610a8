"""How one side ends a connection: by saying that it sends no more, or by a reset."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios

# Zero seconds of lingering make close() send a reset (socket(7), SO_LINGER).
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# Where tcpi_bytes_acked is in struct tcp_info (linux/tcp.h), since Linux 4.1.
_BYTES_ACKED = 120


def half_close(transport: asyncio.Transport) -> None:
    """The other side reads the end of its input, once it has read the rest; over TLS it is the whole connection's."""
    if not transport.can_write_eof():
        transport.close()
    elif not transport.is_closing():
        with contextlib.suppress(OSError):  # shutdown() of a connection that was reset, before its loss is told
            transport.write_eof()


def acknowledged(transport: asyncio.Transport) -> int:
    """How many bytes the other side has taken of all that was written, if it has not taken all; else 0.

    A transport over TLS does not count what waits in the one below it, so the kernel is asked (tcp(7), TCP_INFO).
    """
    sock = transport.get_extra_info("socket")
    if sys.platform != "linux" or sock is None:
        return transport.get_write_buffer_size()
    with contextlib.suppress(OSError):
        if struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
            information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
            return int.from_bytes(information[_BYTES_ACKED:], sys.byteorder)
    return 0


def unread(transport: asyncio.Transport) -> bool:
    """Whether something has come that was not read yet (tcp(7), SIOCINQ): to close now would reset the connection."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return False
    return bool(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)))[0])


def reset(transport: asyncio.Transport) -> None:
    """At once, without what waits to be sent; fails the other side's next read and write."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()

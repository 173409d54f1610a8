"""UNIX sockets between processes of this machine: for a small message half the price of TCP over loopback.

Their names are abstract (unix(7)): no file has to be writable, and one is gone with the last process that has it open.
"""

from __future__ import annotations

import socket
import sys

# As ss(8) and systemd write abstract names; no host name begins so.
_MARK = "@"
_BACKLOG = 4096
_FULL_SECONDS = 0.001

# Names the descriptor of a listening socket to a process that inherits it.
VARIABLE = "TIDEGATE_LISTENER"
AVAILABLE = sys.platform == "linux"


def listen() -> tuple[socket.socket, str]:
    """A socket of a name that nobody else has, and that name as a host; raises OSError."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind("")  # the kernel chooses
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    name: bytes = listener.getsockname()
    return listener, _MARK + name[1:].decode("ascii")


def is_local(host: str) -> bool:
    return host.startswith(_MARK)


async def connect(host: str) -> socket.socket:
    """Raises OSError; waits without end while too many others do."""
    import asyncio  # the container entrypoint listens before it has time to import this

    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    try:
        while True:
            try:
                sock.connect(b"\0" + host.removeprefix(_MARK).encode("ascii"))
            except BlockingIOError:  # the listener's backlog is full, and nothing tells when it is not
                await asyncio.sleep(_FULL_SECONDS)
            else:
                return sock
    except BaseException:  # also when cancelled: the descriptor is given back
        sock.close()
        raise

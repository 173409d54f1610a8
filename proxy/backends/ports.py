"""The TCP ports given to replicas on this machine."""

from __future__ import annotations

import socket

from proxy.errors import StartError

_TRIES = 100


class Ports:
    """Owns which ports are given out: the kernel offers a port again as long as nobody has bound it yet."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self) -> int:
        """A free port of 127.0.0.1, until released; raises StartError."""
        for _ in range(_TRIES):
            port = _free_port()
            if port not in self._taken:
                self._taken.add(port)
                return port
        raise StartError("no free TCP port is left on 127.0.0.1 for another replica")

    def release(self, port: int) -> None:
        self._taken.discard(port)


def _free_port() -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 0))
        except OSError as error:
            raise StartError(f"no free TCP port on 127.0.0.1 for another replica: {error.strerror}") from error
        port: int = probe.getsockname()[1]
        return port


# One for all backends: two apps must not be given the same port.
PORTS = Ports()

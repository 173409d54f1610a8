"""TLS on the data port: handshakes, bounded in number and time."""

from __future__ import annotations

import asyncio
import os
import socket

from proxy.net.certificate import Certificate

HANDSHAKE_SECONDS = 10.0
# Of the end, with what has to be sent before it: ClientConnection and Tunnel know sooner who takes nothing any more.
SHUTDOWN_SECONDS = 3600.0
# One more ends the oldest: of those that never finish, newcomers wait for none.
MOST = 512


class Handshakes:
    """Owns the connections that were accepted and are not yet encrypted."""

    def __init__(self, tasks: asyncio.TaskGroup, certificate: Certificate) -> None:
        self._tasks = tasks
        self._certificate = certificate
        self._running: dict[asyncio.Task[None], None] = {}

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, accepted: asyncio.Transport, client: asyncio.Protocol) -> None:
        """Take the connection over before a byte of it is read; `client` gets it when it is encrypted.

        A server of asyncio with a context of its own would tell nobody of handshakes that fail, and `start_tls` loses
        what uvloop has read before: so the socket goes on under another transport.
        """
        try:
            connection = socket.socket(fileno=os.dup(accepted.get_extra_info("socket").fileno()))
        except OSError:  # there are no more descriptors
            return
        finally:
            accepted.abort()  # its descriptor; the connection has another
        coroutine = self._shake_hands(connection, client)
        try:
            task = self._tasks.create_task(coroutine)
        except RuntimeError:  # the proxy is stopping at once
            coroutine.close()
            connection.close()
            return
        self._running[task] = None
        task.add_done_callback(lambda task: self._ended(task, connection))
        if len(self._running) > MOST:
            oldest = next(iter(self._running))
            del self._running[oldest]  # now: several may come before it has ended
            oldest.cancel()

    async def _shake_hands(self, connection: socket.socket, client: asyncio.Protocol) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: client,
                connection,
                ssl=self._certificate.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        except OSError:
            connection.close()  # the client's affair: it left, spoke no TLS, or took too long

    def _ended(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        self._running.pop(task, None)
        if task.cancelled():
            connection.close()  # perhaps before the task had begun

    def close(self) -> None:
        for task in list(self._running):
            task.cancel()

"""Serves endless event streams: 50 times a second every stream gets one event with the time at which it was sent.

Streams of different requests keep no common time: they are spread over twenty groups, one a millisecond.

Plain sockets, since what sends must cost little and stamp each event at its own send.

Usage: event_stream_server.py PORT
"""

from __future__ import annotations

import select
import socket
import sys
from time import monotonic, monotonic_ns

EVENTS_PER_SECOND = 50
GROUPS = 20
PADDING = b" " + b"x" * 140  # about the size of one token's event of a language model
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def event() -> bytes:
    data = b"data: %d%b\n\n" % (monotonic_ns(), PADDING)
    return b"%x\r\n%b\r\n" % (len(data), data)


class Server:
    """Owns the listening socket and the open streams."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._groups: list[set[socket.socket]] = [set() for _ in range(GROUPS)]
        self._accepted = 0

    def run(self) -> None:
        tick = monotonic()
        while True:
            for group in self._groups:
                tick += 1 / EVENTS_PER_SECOND / GROUPS
                while (wait := tick - monotonic()) > 0:
                    if select.select([self._listener], [], [], wait)[0]:
                        self._accept()
                for stream in list(group):
                    if not self._sent(stream):
                        group.discard(stream)
                        stream.close()

    def _accept(self) -> None:
        stream, _ = self._listener.accept()
        stream.settimeout(0.5)
        try:
            request = stream.recv(65536)
            stream.sendall(HEAD if request.startswith(b"GET /stream ") else HELLO if request else b"")
        except OSError:
            request = b""
        if not request.startswith(b"GET /stream "):
            stream.close()
            return
        stream.setblocking(False)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._groups[self._accepted % GROUPS].add(stream)
        self._accepted += 1

    @staticmethod
    def _sent(stream: socket.socket) -> bool:
        """False if the reader left, or is so slow that its buffers are full."""
        data = event()
        try:
            return stream.send(data) == len(data)
        except OSError:
            return False


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()

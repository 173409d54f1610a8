"""One HTTP/1.1 connection that sends and takes large bodies at the least cost."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from bench.failure import BenchError
from bench.peers import Server

BUFFER_BYTES = 1 << 20
_buffer = memoryview(bytearray(BUFFER_BYTES))


class Client:
    """Keeps its connection for all its requests. Raises BenchError for any answer but 200 with a length."""

    def __init__(self, server: Server) -> None:
        self._name = server.name
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._socket.close()

    def get(self, path: str) -> None:
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        self._take_answer()

    def post(self, body_bytes: int) -> None:
        head = f"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {body_bytes}\r\n\r\n"
        self._socket.sendall(head.encode())
        for sent in range(0, body_bytes, BUFFER_BYTES):
            self._socket.sendall(_buffer[: body_bytes - sent])
        self._take_answer()

    def closed(self) -> bool:
        """Whether the server has closed it; no request can follow."""
        self._socket.setblocking(False)
        try:
            return not self._socket.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _take_answer(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self._socket.recv(65536)):
                raise BenchError(f"{self._name} closed the connection before its answer")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        left = self._length(head.decode("latin-1")) - len(body)
        while left > 0:
            if not (count := self._socket.recv_into(_buffer, min(left, BUFFER_BYTES))):
                raise BenchError(f"{self._name} closed the connection {left} bytes before the end of its answer")
            left -= count

    def _length(self, head: str) -> int:
        status, *fields = head.split("\r\n")
        for name, _, value in (field.partition(":") for field in fields):
            if name.lower() == "content-length" and " 200" in status:
                return int(value)
        raise BenchError(f"{self._name} answered {status} without a length or with another status than 200")

"""A model server to be run as a replica: `fake_server.py PORT [key=value ...]`; imports little, to start fast.

Keys: `host` to listen on; `start` seconds before it listens; `term` = "finish" (default), "ignore" or "die"; `events` a
file to which it appends a line "PID EVENT" for start, request and term; `ready` a file whose content, "STATUS BODY", is
what /ready answers. Paths: /sleep/SECONDS, /burn/SECONDS, /hang, /exit/CODE, /refuse/SECONDS (closes the port for so
long), /bytes/COUNT, /until/FILE (waits until there is that file, an absolute path). Other answers are a JSON object:
"replica", "pid", "path", and "most", the most requests at once so far.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

OPTIONS = dict(word.split("=", 1) for word in sys.argv[2:])


class Terminated(Exception):
    """SIGTERM."""


class Server:
    """Serves one thread per connection; `most` is the most requests that were ever inside at once."""

    def __init__(self, port: int) -> None:
        self._address = (OPTIONS.get("host", "127.0.0.1"), port)
        self._lock = threading.Lock()
        self._inside = 0
        self._unsent = 0  # answers to requests inside, and those that are on their way out
        self._connections: set[socket.socket] = set()
        self.most = 0
        self._listener = self._listen()

    def _listen(self) -> socket.socket:
        return socket.create_server(self._address, backlog=128)

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed by /refuse
                time.sleep(0.01)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def finish(self) -> None:
        """Return when all that has come is answered; a thread that has just read a request is seen at the next look."""
        self._listener.close()
        quiet_looks = 0
        while quiet_looks < 2:
            time.sleep(0.01)
            busy = self._unsent or any(_unread(connection) for connection in tuple(self._connections))
            quiet_looks = 0 if busy else quiet_looks + 1

    def _serve(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        with connection, connection.makefile("rb") as lines:
            try:
                while (target := _target(lines)) is not None:
                    self._send_answer(connection, target)
                    if target.startswith("/refuse/"):
                        break
            except OSError:  # the proxy reset it
                pass
            self._connections.discard(connection)

    def _send_answer(self, connection: socket.socket, target: str) -> None:
        with self._lock:
            self._unsent += 1
        try:
            connection.sendall(self._answer(target))
        finally:
            with self._lock:
                self._unsent -= 1

    def _answer(self, target: str) -> bytes:
        if target in {"/ready", "/health"}:
            return _answer(*_readiness(target))
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        note("request")
        try:
            self._act(target)
            return _answer(200, self._said(target))
        finally:
            with self._lock:
                self._inside -= 1

    def _act(self, target: str) -> None:
        _, action, value = (*target.split("/"), "", "")[:3]
        if action == "sleep":
            time.sleep(float(value))
        elif action == "burn":
            over = time.monotonic() + float(value)
            while time.monotonic() < over:
                pass
        elif action == "hang":
            time.sleep(3600)
        elif action == "exit":
            os.write(1, b"last words\n")
            os._exit(int(value))
        elif action == "until":
            _await(target.removeprefix("/until"))
        elif action == "refuse":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            threading.Timer(float(value), self._reopen).start()

    def _reopen(self) -> None:
        self._listener = self._listen()

    def _said(self, target: str) -> bytes:
        if target.startswith("/bytes/"):
            return bytes(int(target.split("/")[2]))
        said = {"replica": os.environ.get("REPLICA_ID"), "pid": os.getpid(), "path": target, "most": self.most}
        return json.dumps(said).encode()


def note(event: str) -> None:
    if "events" in OPTIONS:
        with open(OPTIONS["events"], "a") as file:  # noqa: PTH123 - importing pathlib would double the start's time
            file.write(f"{os.getpid()} {event}\n")


def _target(lines: io.BufferedReader) -> str | None:
    """Of the next request, which has no body; None at the end."""
    first = lines.readline()
    while lines.readline().strip():
        pass
    return first.split()[1].decode() if first else None


def _await(file: str) -> None:
    while not os.path.exists(file):  # noqa: PTH110 - as with `note`
        time.sleep(0.01)


def _readiness(target: str) -> tuple[int, bytes]:
    if target == "/health" or "ready" not in OPTIONS:
        return 200, b"{}"
    said = ""
    while not said:  # it is being written
        with open(OPTIONS["ready"]) as file:  # noqa: PTH123
            said = file.read()
    status, _, body = said.partition(" ")
    return int(status), body.encode()


def _unread(connection: socket.socket) -> bool:
    """A request has come that no thread has read yet."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:  # nothing is there, or it is closed
        return False


def _answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def _on_term(_number: int, _frame: FrameType | None) -> None:
    note("term")
    if OPTIONS.get("term") == "die":
        os._exit(0)
    if OPTIONS.get("term") != "ignore":
        raise Terminated


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _on_term)
    note("start")
    try:
        time.sleep(float(OPTIONS.get("start", "0")))
        server = Server(int(sys.argv[1]))
        server.run()
    except Terminated:
        if "server" in globals():
            server.finish()

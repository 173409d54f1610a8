"""WebSockets with locust: messages that come back. Not websocket.py, which would hide the library of that name.

Usage: locust -f loadtests/websocket_load.py --host http://127.0.0.1:8000 [--socket /ws --message-bytes 200]
"""

from __future__ import annotations

import time
from collections.abc import Callable

from locust import User, between, events, task
from locust.argument_parser import LocustArgumentParser
from websocket import ABNF, WebSocket, WebSocketException, create_connection

MESSAGES = 20
TIMEOUT_SECONDS = 30.0


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--socket", default="/ws", help="where WebSockets are taken")
    parser.add_argument("--message-bytes", type=int, default=200, help="of each message")


class Talker(User):
    """Opens a connection, sends messages one after the other, closes it. Rows: connect, message, close."""

    wait_time = between(0.02, 0.1)

    @task
    def talk(self) -> None:
        given = self.environment.parsed_options
        url = f"ws{(self.host or '').removeprefix('http')}{given.socket}"
        opened: list[WebSocket] = []
        if self._measured("connect", lambda: opened.append(create_connection(url, timeout=TIMEOUT_SECONDS))):
            try:
                self._converse(opened[0], "t" * given.message_bytes)
            finally:
                opened[0].shutdown()

    def _converse(self, socket: WebSocket, message: str) -> None:
        for _ in range(MESSAGES):
            if not self._measured("message", lambda: self._exchange(socket, message)):
                return
            time.sleep(self.wait_time())  # not wait(), which would end the task where the test ends
        self._measured("close", lambda: self._close(socket))

    def _close(self, socket: WebSocket) -> None:
        """The library's own close catches every exception, the end of its greenlet too."""
        socket.send_close()
        if socket.recv_frame().opcode != ABNF.OPCODE_CLOSE:
            raise ValueError("another frame than the close came back")

    def _exchange(self, socket: WebSocket, message: str) -> None:
        socket.send(message)
        if (came := socket.recv()) != message:
            raise ValueError(f"{came[:80]!r} came back")

    def _measured(self, name: str, act: Callable[[], None]) -> bool:
        """Whether it succeeded; a failure is a row of the table."""
        with self.environment.events.request.measure("WS", name) as row:
            try:
                act()
            except (OSError, ValueError, WebSocketException) as error:
                row["exception"] = error
        return row["exception"] is None

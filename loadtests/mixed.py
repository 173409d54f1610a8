"""Everything at once with locust: inference, chats, WebSockets, and users who leave before their answer.

Usage: locust -f loadtests/mixed.py --host http://127.0.0.1:8000 (with the options of the other scripts)
"""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from llm import Chat
from locust import User, between, task
from locust_rows import tell
from locustfile import Inference
from websocket_load import Talker

__all__ = ["Chat", "Inference", "Leaver", "Talker"]

Inference.weight, Chat.weight, Talker.weight = 6, 3, 2
PATIENCE_SECONDS = 0.02


class Leaver(User):
    """Asks and leaves without waiting; the slot must stay taken until the replica has ended the work. Row: LEFT."""

    weight = 1
    wait_time = between(0.2, 0.6)

    @task
    def leave(self) -> None:
        given = self.environment.parsed_options
        place = urlsplit(self.host or "")
        head = f"POST {given.path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-length: {len(given.body)}\r\n\r\n"
        began = time.perf_counter()
        with socket.create_connection((place.hostname or "", place.port or 80)) as connection:
            connection.sendall(f"{head}{given.body}".encode())
            time.sleep(PATIENCE_SECONDS)
        tell(self.environment, "LEFT", "before the answer", 1000 * (time.perf_counter() - began))

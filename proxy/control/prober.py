"""Questions to one replica: is it ready, is it healthy.

They are asked over plain streams: aiohttp's client alone takes longer to import than a container entrypoint may take
to start, and one question to a starting replica comes every 5 ms.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httptools

from proxy.backends import local_socket
from proxy.core.probe import Answer, judge
from proxy.core.shortage import SHORTAGES

if TYPE_CHECKING:  # settings are pydantic models, which the container entrypoint has no time to import
    from proxy.config import AppConfig

REFUSED = "connection refused"
_MAX_BODY_BYTES = 65_536
_LOOPBACK = "127.0.0.1"
_HANG_UP_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a path by GET, or with "" whether the port accepts a connection.

    `relayed`: on the loopback address something else may accept connections for a server that is not there yet.
    """

    path: str
    timeout_seconds: float
    relayed: bool = False


class Prober:
    """Asks the two questions; each is answered within its timeout, if only by us."""

    def __init__(self, readiness: Question, health: Question) -> None:
        self._readiness = readiness
        self._health = health
        self.ready_path = readiness.path
        self.health_path = health.path

    @classmethod
    def of(cls, config: AppConfig, ours: bool, relayed: bool = False) -> Prober:
        """`ours`: the replicas are started by us, so that those of an app without a server run our runtime."""
        custom = config.custom
        ready, health = ("/ready", "/health") if ours else ("", "")
        if custom is not None:
            ready, health = custom.readycheck_endpoint, custom.healthcheck_endpoint
        seconds = config.probes.timeout_seconds
        return cls(Question(ready, seconds, relayed), Question(health, seconds, relayed))

    async def ready(self, host: str, port: int) -> Answer:
        return await _ask(self._readiness, host, port)

    async def healthy(self, host: str, port: int) -> Answer:
        return await _ask(self._health, host, port)


class _Response:
    """What httptools tells of one response; interim ones (RFC 9110 section 15.2) are not it."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Raises ValueError if this is no HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True
        except httptools.HttpParserError as error:
            raise ValueError(f"no valid HTTP: {error}") from error

    @property
    def read(self) -> bool:
        """All that is looked at has come."""
        return self.complete or len(self.body) >= _MAX_BODY_BYTES

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = self.status >= 200


async def _ask(question: Question, host: str, port: int) -> Answer:
    what = question.path or "the port"
    try:
        async with asyncio.timeout(question.timeout_seconds):
            return await _answer(question, host, port)
    except TimeoutError:
        return Answer(False, f"{what} did not answer within {question.timeout_seconds:g} s", silent=True)
    except (OSError, ValueError) as error:  # ValueError: what no host name can be, and what is no HTTP
        return Answer(False, f"{what}: {_said(error)}", unasked=getattr(error, "errno", None) in SHORTAGES)


async def _answer(question: Question, host: str, port: int) -> Answer:
    path = question.path
    if local_socket.is_local(host):
        reader, writer = await asyncio.open_unix_connection(sock=await local_socket.connect(host))
    else:
        reader, writer = await asyncio.open_connection(host, port)
    try:
        if not path and question.relayed and host == _LOOPBACK and await _hung_up(reader):
            return Answer(False, "the port closes connections at once")
        if not path:
            return Answer(True, "the port accepts connections", spoken=True)
        response = await _get(reader, writer, f"GET {path} HTTP/1.1\r\nhost: {_authority(host, port)}\r\n")
        return judge(path, response.status, response.body)
    finally:
        writer.close()


async def _hung_up(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes within a moment, as Docker's relay does when nobody listens behind it."""
    try:
        async with asyncio.timeout(_HANG_UP_SECONDS):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        return True


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> _Response:
    # A new connection for each question: a kept one would hold up a server that is shutting down.
    writer.write(f"{head}user-agent: tidegate-probe\r\naccept: */*\r\nconnection: close\r\n\r\n".encode())
    response = _Response()
    while not response.read and (data := await reader.read(_MAX_BODY_BYTES)):
        response.feed(data)
    if response.status < 200:
        raise ConnectionResetError("the connection was closed without an answer")
    return response


def _authority(host: str, port: int) -> str:
    if local_socket.is_local(host):
        return "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _said(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.ECONNREFUSED:
        return REFUSED
    return str(error) or type(error).__name__

"""Questions to one replica: is it ready, is it healthy; and how often they are asked."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass

import aiohttp
import orjson

from proxy.config import AppConfig

_MAX_BODY_BYTES = 65_536
_FASTEST_SECONDS = 0.005
SLOWEST_START_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """`passed`: yes. `silent`: no answer in time, which is no "no": the replica may only be busy.

    `spoken`: its server answered, whatever it said.
    """

    passed: bool
    text: str
    silent: bool = False
    spoken: bool = False


def start_pause_seconds(age_seconds: float, slowest: float = SLOWEST_START_SECONDS) -> float:
    """How long to wait before asking a starting replica again: 5 ms for a young one, 50 ms for an old one."""
    return min(slowest, max(_FASTEST_SECONDS, age_seconds / 50))


class Prober:
    """Asks by HTTP GET, or by a TCP connection where no endpoint is set; both within `timeout_seconds`."""

    def __init__(self, config: AppConfig, ours: bool) -> None:
        """`ours`: the replicas are started by us, so that those of an app without a server run our runtime."""
        self._timeout = config.probes.timeout_seconds
        custom = config.custom
        ready, health = ("/ready", "/health") if ours else ("", "")
        self.ready_path = custom.readycheck_endpoint if custom is not None else ready
        self.health_path = custom.healthcheck_endpoint if custom is not None else health

    async def ready(self, host: str, port: int) -> Answer:
        return await self._ask(host, port, self.ready_path)

    async def healthy(self, host: str, port: int) -> Answer:
        return await self._ask(host, port, self.health_path)

    async def _ask(self, host: str, port: int, path: str) -> Answer:
        what = path or "the port"
        try:
            async with asyncio.timeout(self._timeout):
                return await (self._get(host, port, path) if path else self._connect(host, port))
        except TimeoutError:
            return Answer(False, f"{what} did not answer within {self._timeout:g} s", silent=True)
        except (OSError, ValueError, aiohttp.ClientError) as error:  # ValueError: what no host name can be
            return Answer(False, f"{what}: {_said(error)}")

    async def _connect(self, host: str, port: int) -> Answer:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return Answer(True, "the port accepts connections", spoken=True)

    async def _get(self, host: str, port: int, path: str) -> Answer:
        # A new connection for each question: a kept one would hold up a server that is shutting down.
        connector = aiohttp.TCPConnector(force_close=True)
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            body = await _beginning(response.content)
        text = f"{path} answered {response.status}"
        if not 200 <= response.status < 300:
            said = _first_line(body)
            return Answer(False, f"{text}: {said}" if said else text, spoken=True)
        if _says_not_ready(body):
            return Answer(False, f'{text}, but says "ready": false', spoken=True)
        return Answer(True, text, spoken=True)


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """A body up to its end or a bound: one read brings only what has arrived."""
    body = b""
    while len(body) < _MAX_BODY_BYTES and (piece := await content.read(_MAX_BODY_BYTES)):
        body += piece
    return body


def _says_not_ready(body: bytes) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("ready") is False


def _first_line(body: bytes) -> str:
    lines = body.decode(errors="replace").strip().splitlines()
    return lines[0][:200] if lines else ""


def _said(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    if getattr(cause, "errno", None) == errno.ECONNREFUSED:
        return "connection refused"
    return str(error) or type(error).__name__

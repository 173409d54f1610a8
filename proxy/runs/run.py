"""One request on its way through its app, without a client that waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from proxy.errors import BodyTooLarge, ReplicaFailed
from proxy.net.service import Service
from proxy.runs.answer import MAX_ANSWER_BYTES, Answer
from proxy.runs.body import Body
from proxy.runs.inside import Inside
from proxy.runs.webhook import Webhook

_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Run:
    """`number` is that of its app; `headers` are those that the app gets."""

    id: str
    number: int
    service: Service
    method: str
    target: bytes
    headers: Sequence[tuple[str, str]]
    body: Body
    webhook: Webhook | None

    async def perform(self, inside: Inside) -> Answer:
        """Ask the app; whatever goes wrong is an answer, too."""
        patience = time.monotonic() + self.service.terms.queue_seconds
        while True:
            try:
                async with self.ask(inside) as response:
                    if not queue_was_full(response) or time.monotonic() > patience:
                        return Answer(response.status, response.content_type, await read_all(response))
                    pause = int(response.headers.get("retry-after", "1"))
            except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a head that cannot be encoded
                return Answer.of(ReplicaFailed(f"the answer broke off: {error}"), self.id)
            except BodyTooLarge as error:
                return Answer.of(error, self.id)
            await asyncio.sleep(pause)

    def ask(self, inside: Inside) -> aiohttp.client._RequestContextManager:
        return inside.ask(self.number, self.method, self.target, self.headers, self.body.file)


def queue_was_full(response: aiohttp.ClientResponse) -> bool:
    """It is the proxy that said so: the run was promised to be made, so it waits outside of the queue."""
    return response.status == 429 and "x-tidegate-replica" not in response.headers


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """Raises BodyTooLarge for an answer that is too large to be kept."""
    content = bytearray()
    async for piece in response.content.iter_chunked(_PIECE_BYTES):
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise BodyTooLarge(f"the answer is larger than the {MAX_ANSWER_BYTES} bytes that are kept of one")
    return bytes(content)

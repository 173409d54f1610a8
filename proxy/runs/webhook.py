"""Webhooks: the answer of a request, posted to where its client asked for it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from proxy.admin.origin import WEBHOOK
from proxy.runs.answer import Answer

ATTEMPT_SECONDS = 10.0
# Before the second and the third attempt.
PAUSES_SECONDS = (1.0, 5.0)

log = logging.getLogger("tidegate.webhook")

Post = Callable[[Mapping[str, str]], Awaitable[int]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to, and the secret that signs it, or ""."""

    url: str
    secret: str

    async def deliver(self, session: aiohttp.ClientSession, run_id: str, answer: Answer) -> dict[str, object]:
        """Three attempts at most; returns what became of them, for the run's view."""

        async def post(headers: Mapping[str, str]) -> int:
            async with session.post(
                self.url,
                data=answer.body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(ATTEMPT_SECONDS),
            ) as response:
                return response.status

        return await attempt(post, lambda: self.headers(run_id, answer, datetime.now(UTC)), asyncio.sleep)

    def headers(self, run_id: str, answer: Answer, now: datetime) -> dict[str, str]:
        """The signature is over "id.timestamp.body"; its timestamp is in seconds since 1970."""
        headers = {"Content-Type": answer.media_type, "X-Request-Id": run_id, "User-Agent": WEBHOOK}
        if self.secret:
            timestamp = str(int(now.timestamp()))
            signed = f"{run_id}.{timestamp}.".encode() + answer.body
            digest = hmac.new(self.secret.encode(errors="surrogateescape"), signed, hashlib.sha256).hexdigest()
            headers["X-Cerebrium-Webhook-Timestamp"] = timestamp
            headers["X-Cerebrium-Webhook-Signature"] = f"v1,{digest}"
        return headers


async def attempt(post: Post, headers: Callable[[], Mapping[str, str]], sleep: Sleep) -> dict[str, object]:
    """Try, and again where that may help."""
    last, attempts = "", 0
    for pause in (0.0, *PAUSES_SECONDS):
        if pause:
            await sleep(pause)
        attempts += 1
        try:
            status = await post(headers())
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeError) as error:  # the last of a host's name
            last = str(error) or type(error).__name__
            continue
        last = f"answered {status}"
        if not worth_another(status):
            break
    delivered = last.startswith("answered 2")
    if not delivered:
        log.warning("webhook not delivered after %d attempts: %s", attempts, last)
    return {"delivered": delivered, "attempts": attempts, "last": last}


def worth_another(status: int) -> bool:
    """Not after success, nor after most errors: those of the receiver's may have come after it had acted."""
    return not 200 <= status < 300 and (status == 404 or not 400 <= status < 600)

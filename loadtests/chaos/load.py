"""Polite clients that never stop asking while things break, and what came of each request."""

from __future__ import annotations

import asyncio
import itertools
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from chaos.client import Answer, Client

# Longer than any promise of the scenarios' apps: who waits so long was forgotten.
STUCK_SECONDS = 30.0
RETRY_SECONDS = 0.05

WHOLE, REFUSED, BROKEN, WRONG, STUCK, AWAY = "whole", "refused", "broken", "wrong", "stuck", "away"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request. `key` is what the replica's journal has of it; times are of time.monotonic.

    `kind`: whole; refused, with an error in words; broken, and seen to be; wrong, though it looks whole; stuck; away,
    when nobody accepted it.
    """

    kind: str
    key: str
    began: float
    ended: float
    what: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, and the body that is its right answer."""

    method: str
    target: str
    answer: bytes
    body: bytes = b""

    @property
    def data(self) -> bytes:
        head = f"{self.method} {self.target} HTTP/1.1\r\nhost: chaos\r\ncontent-length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


class Load:
    """`visitors` clients, each with a connection that it keeps as long as that lasts; the same seed asks the same."""

    def __init__(self, port: Callable[[], int], random: Random) -> None:
        self.outcomes: list[Outcome] = []
        self._port = port
        self._random = random
        self._numbers = itertools.count()
        self._stopping = False

    async def run(self, visitors: int) -> None:
        """Until told to stop, and every answer has come."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(visitors):
                tasks.create_task(self._visit(Random(self._random.random())))

    def stop(self) -> None:
        self._stopping = True

    def since(self, when: float, kind: str) -> list[Outcome]:
        """Requests that began after that and ended so."""
        return [one for one in self.outcomes if one.began >= when and one.kind == kind]

    async def _visit(self, random: Random) -> None:
        client: Client | None = None
        while not self._stopping:
            ask = self._ask(random)
            began = time.monotonic()
            try:
                if client is None or client.ended:
                    client = await Client.connect(self._port())
            except OSError as error:
                self._note(ask, AWAY, began, str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not await self._exchange(client, ask, began):
                client.close()
                client = None
            await asyncio.sleep(random.uniform(0, 0.02))
        if client is not None:
            client.close()

    async def _exchange(self, client: Client, ask: Ask, began: float) -> bool:
        """Whether the connection goes on."""
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                answer = await client.ask(ask.data)
        except TimeoutError:
            self._note(ask, STUCK, began, f"no end after {STUCK_SECONDS:g} s")
            return False
        except (OSError, EOFError, ValueError) as error:  # ValueError: a chunk that was cut in its length
            self._note(ask, BROKEN, began, f"{type(error).__name__}: {error}")
            return False
        self._judge(ask, answer, began)
        return answer.fields.get("connection") != "close"

    def _judge(self, ask: Ask, answer: Answer, began: float) -> None:
        if answer.status == 200 and answer.body == ask.answer:
            self._note(ask, WHOLE, began)
        elif answer.status >= 400 and b'"error"' in answer.body:
            self._note(ask, REFUSED, began, answer.body.decode(errors="replace")[:300], answer.status)
        else:
            what = f"{answer.status}, {len(answer.body)} bytes, {answer.body[:80]!r}"
            self._note(ask, WRONG, began, what, answer.status)

    def _note(self, ask: Ask, kind: str, began: float, what: str = "", status: int = 0) -> None:
        key = f"{ask.method} {ask.target}"
        self.outcomes.append(Outcome(kind, key, began, time.monotonic(), what, status))

    def _ask(self, random: Random) -> Ask:
        number = next(self._numbers)
        kind = random.choices(("small", "slow", "events", "upload", "bytes"), (8, 4, 3, 3, 2))[0]
        if kind == "events":
            count = random.randint(1, 15)
            return Ask("GET", f"/events/{count}/?{number}", b"".join(b"data: %d\n\n" % one for one in range(count)))
        if kind == "bytes":
            size = random.randint(1, 1 << 18)
            return Ask("GET", f"/bytes/{size}/?{number}", bytes(size))
        if kind == "upload":
            body = random.randbytes(random.randint(1, 1 << 17))
            return Ask("POST", f"/upload/0/?{number}", b"%d %d" % (len(body), zlib.crc32(body)), body)
        target = f"/slow/{random.uniform(0.01, 0.1):.3f}/?{number}" if kind == "slow" else f"/small/?{number}"
        method = random.choice(("GET", "POST"))
        return Ask(method, target, target.encode())


def percentile(outcomes: Sequence[Outcome], share: float) -> float:
    """Seconds, of those that were whole."""
    seconds = sorted(one.ended - one.began for one in outcomes if one.kind == WHOLE)
    return seconds[int(share * (len(seconds) - 1))] if seconds else 0.0

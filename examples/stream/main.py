"""Streams: whatever a generator yields leaves at once, as a server-sent event."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

WORDS = ("a", "slot", "is", "the", "right", "to", "have", "one", "request", "in", "flight")


def tokens(count: int = len(WORDS), pause_seconds: float = 0.1) -> Iterator[str]:
    for word in WORDS[:count]:
        time.sleep(pause_seconds)
        yield word


async def chat(messages: list[dict[str, str]], pause_seconds: float = 0.1) -> AsyncIterator[dict[str, object] | str]:
    """Reached as /chat/chat/completions too, which is what OpenAI clients append to their base address."""
    for word in messages[-1]["content"].split():
        await asyncio.sleep(pause_seconds)
        yield {"choices": [{"index": 0, "delta": {"content": word + " "}}]}
    yield "data: [DONE]"

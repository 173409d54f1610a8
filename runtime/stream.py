"""What a function yields, one item at a time, whether it does so in a thread or on the loop.

Apart from the calls, which are compiled: mypyc has no asynchronous generators.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextvars import copy_context
from functools import partial

from runtime.threads import Threads

_END = object()


async def on_loop(source: AsyncIterator[object]) -> AsyncGenerator[object, None]:
    """Each item of an asynchronous iterator; closes it at the end."""
    try:
        async for item in source:
            yield item
    finally:
        if (aclose := getattr(source, "aclose", None)) is not None:
            await aclose()


async def in_threads(threads: Threads, source: Iterator[object]) -> AsyncGenerator[object, None]:
    """Each item of a synchronous iterator, asked for one at a time; closes it at the end."""
    context = copy_context()
    step = partial(next, source, _END)
    try:
        while (item := await threads.run(step, context)) is not _END:
            yield item
    finally:
        if (close := getattr(source, "close", None)) is not None:
            await threads.run(close, context)

"""The threads that run synchronous functions, seen from the loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

END = object()


class Threads:
    """At most `count` synchronous steps of user code at once."""

    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="function")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread. When cancelled, a thread cannot be stopped: this returns only when it has."""
        running = self._executor.submit(_without_stop_iteration, functools.partial(function, *args, **kwargs))
        outcome = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(outcome)
        except asyncio.CancelledError:
            if not running.cancel():
                await asyncio.wait([outcome])
                outcome.result()
            raise

    async def items(self, source: Iterator[object]) -> AsyncGenerator[object, None]:
        """Each item of a synchronous iterator, asked for one at a time; closes it at the end."""
        try:
            while (item := await self.call(next, source, END)) is not END:
                yield item
        finally:
            if (close := getattr(source, "close", None)) is not None:
                await self.call(close)


def _without_stop_iteration(call: Callable[[], T]) -> T:
    try:
        return call()
    except StopIteration as error:
        # asyncio cannot carry it in a future: the caller would wait for ever (PEP 479 does the same for generators).
        raise RuntimeError("function raised StopIteration") from error

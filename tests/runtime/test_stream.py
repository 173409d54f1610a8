from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from contextvars import ContextVar

from runtime.stream import in_threads
from runtime.threads import Threads


def test_iterator_is_closed_when_its_reader_stops() -> None:
    seen = list[str]()

    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    async def scenario() -> None:
        source = numbers()
        async with aclosing(in_threads(Threads(1), source)) as items:
            assert await anext(items) == 1
        assert seen == ["closed"]

    asyncio.run(scenario())


def test_iterator_without_close_is_read_to_its_end() -> None:
    async def scenario() -> list[object]:
        return [item async for item in in_threads(Threads(1), iter([1, 2]))]

    assert asyncio.run(scenario()) == [1, 2]


def test_steps_of_a_generator_see_the_context_of_the_call() -> None:
    seen: ContextVar[str] = ContextVar("seen")

    def numbers() -> Iterator[str]:
        yield seen.get()
        seen.set("own")
        yield seen.get()

    async def scenario() -> list[object]:
        seen.set("call")
        return [item async for item in in_threads(Threads(1), numbers())]

    assert asyncio.run(scenario()) == ["call", "own"]

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from contextvars import ContextVar

import pytest

from runtime.threads import Threads


def _stop() -> None:
    raise StopIteration


def test_stop_iteration_of_a_function_does_not_hang_the_caller() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(Threads(1).call(_stop))


def test_cancelled_call_returns_only_when_its_thread_has_ended() -> None:
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(5)
        ended.set()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(Threads(1).call(work))
            await asyncio.to_thread(started.wait)
            call.cancel()
            await asyncio.wait([call], timeout=0)
            assert not call.done()
            release.set()
        assert call.cancelled()
        assert ended.is_set()

    asyncio.run(scenario())


def test_call_that_waits_for_a_thread_is_cancelled_at_once() -> None:
    release, calls = threading.Event(), list[str]()

    async def scenario() -> None:
        threads = Threads(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(threads.call(release.wait, 5))
            waiting = group.create_task(threads.call(calls.append, "ran"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            release.set()

    asyncio.run(scenario())
    assert calls == []


def test_call_that_is_cancelled_as_it_ends_is_not_waited_for() -> None:
    async def scenario() -> None:
        threads = Threads(1)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            call = group.create_task(threads.call(str))
            await asyncio.sleep(0)
            while not threads._done:  # what the thread says is on its way to the loop, which has not looked yet
                pass
            call.cancel()
        assert call.cancelled()

    asyncio.run(scenario())


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
        async with aclosing(Threads(1).items(source)) as items:
            assert await anext(items) == 1
        assert seen == ["closed"]

    asyncio.run(scenario())


def test_iterator_without_close_is_read_to_its_end() -> None:
    async def scenario() -> list[object]:
        return [item async for item in Threads(1).items(iter([1, 2]))]

    assert asyncio.run(scenario()) == [1, 2]


def test_steps_of_a_generator_see_the_context_of_the_call() -> None:
    seen: ContextVar[str] = ContextVar("seen")

    def numbers() -> Iterator[str]:
        yield seen.get()
        seen.set("own")
        yield seen.get()

    async def scenario() -> list[object]:
        seen.set("call")
        return [item async for item in Threads(1).items(numbers())]

    assert asyncio.run(scenario()) == ["call", "own"]

from __future__ import annotations

import asyncio
import threading

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
        release.wait(20)
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
            group.create_task(threads.call(release.wait, 20))
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
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            call = group.create_task(threads.call(str))
            await asyncio.sleep(0)
            while not threads._done:  # what the thread says is on its way to the loop, which has not looked yet
                pass
            call.cancel()
        assert call.cancelled()

    asyncio.run(scenario())

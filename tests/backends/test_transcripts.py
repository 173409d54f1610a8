"""What replicas print, in files of a bounded size, number and age."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import resource
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.backends import transcripts as module
from proxy.backends.transcripts import FILE_BYTES, Transcripts

Scenario = Callable[[Transcripts], Coroutine[object, object, None]]


def run(folder: Path, scenario: Scenario) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario(Transcripts(folder))

    asyncio.run(bounded())


# A line each second: what is printed within one millisecond by two replicas has no order.
CLOCK = itertools.count(1_700_000_000)


def prints(transcripts: Transcripts, replica: str, *texts: str, app: str = "demo") -> None:
    for text in texts:
        record = logging.makeLogRecord({"msg": text, "app": app, "replica": replica, "created": next(CLOCK)})
        transcripts.emit(record)


async def texts(transcripts: Transcripts, replica: str | None = None, count: int = 100) -> list[str]:
    return [line.text for line in await transcripts.read("demo", replica, count)]


def test_lines_are_read_back_by_replica_and_in_the_order_of_time(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        prints(transcripts, "a", "one two", "")
        await transcripts.keep()
        prints(transcripts, "b", "three")
        prints(transcripts, "x", "another app's", app="other")
        assert await texts(transcripts, "a") == ["one two", ""]
        assert sorted(await texts(transcripts)) == ["", "one two", "three"]
        assert await texts(transcripts, count=1) == ["three"]

    run(tmp_path, scenario)


def test_lines_outlive_the_proxy(tmp_path: Path) -> None:
    async def before(transcripts: Transcripts) -> None:
        prints(transcripts, "a", "last words")
        await transcripts.keep()

    async def after(transcripts: Transcripts) -> None:
        assert await transcripts.replicas("demo") == ["a"]
        assert await texts(transcripts, "a") == ["last words"]

    run(tmp_path, before)
    run(tmp_path, after)


def test_a_burst_of_lines_is_kept_whole(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        prints(transcripts, "a", *map(str, range(5000)))
        assert await texts(transcripts, count=10_000) == [str(number) for number in range(5000)]

    run(tmp_path, scenario)


def test_a_replica_s_files_are_bounded(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        for number in range(12):
            prints(transcripts, "a", *[f"{number} {'x' * 1000}"] * 250)
            await transcripts.keep()
        sizes = [path.stat().st_size for path in (tmp_path / "demo").iterdir()]
        assert FILE_BYTES < sum(sizes) <= 2 * FILE_BYTES + 300_000
        assert (await texts(transcripts))[-1].startswith("11 ")
        assert len(await texts(transcripts, count=1000)) == 1000  # over both files

    run(tmp_path, scenario)


def test_the_files_of_replicas_that_printed_longest_ago_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLICAS_KEPT", 2)

    async def scenario(transcripts: Transcripts) -> None:
        for age, replica in enumerate("abc"):
            prints(transcripts, replica, "x")
            await transcripts.keep()
            path = tmp_path / "demo" / f"{replica}.log"
            os.utime(path, (age + 1, age + 1))
        prints(transcripts, "d", "x")
        await transcripts.keep()
        assert await transcripts.replicas("demo") == ["d", "c"]

    run(tmp_path, scenario)


def test_the_files_of_replicas_that_live_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLICAS_KEPT", 1)

    async def scenario() -> None:
        transcripts = Transcripts(tmp_path, lambda app: ["a", "b"] if app == "demo" else [])
        for age, replica in enumerate("abcd"):
            prints(transcripts, replica, "x")
            await transcripts.keep()
            os.utime(tmp_path / "demo" / f"{replica}.log", (age + 1, age + 1))
        assert await transcripts.replicas("demo") == ["d", "b", "a"]

    asyncio.run(scenario())


@pytest.mark.parametrize("length", [1, 255, 256, 5000])
def test_as_many_lines_are_read_as_are_asked_for_however_long(length: int, tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        prints(transcripts, "a", *(f"{number:04} {'x' * length}" for number in range(100)))
        for count in (1, 7, 100, 200):
            expected = [f"{number:04}" for number in range(100)][-count:]
            assert [text[:4] for text in await texts(transcripts, "a", count)] == expected

    run(tmp_path, scenario)


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """A file stands where the folder would be; root may write anywhere else."""
    folder.write_text("in the way")
    yield
    folder.unlink()


def test_what_cannot_be_written_is_kept_in_memory_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"

    async def scenario(transcripts: Transcripts) -> None:
        with unwritable(folder):
            for number in range(3):
                prints(transcripts, "a", *[str(number)] * 600)
                await transcripts.keep()
            assert len(await texts(transcripts, count=5000)) == 1000
            assert await transcripts.replicas("demo") == ["a"]
        assert (await texts(transcripts))[-1] == "2"
        assert (folder / "demo" / "a.log").exists()

    run(folder, scenario)
    assert [record.levelname for record in caplog.records if record.name == "tidegate.transcripts"] == ["WARNING"]


def test_a_follower_gets_what_its_app_and_replica_print(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        with transcripts.follow("demo", "a") as follower:
            prints(transcripts, "a", "one")
            prints(transcripts, "b", "not asked for")
            await follower.wait(20)
            assert [line.text for line in follower.take()] == ["one"]
            await follower.wait(0)
            assert follower.take() == []
            transcripts.end_followers()
            await follower.wait(20)
            assert follower.ended
        prints(transcripts, "a", "nobody listens")
        assert follower.take() == []

    run(tmp_path, scenario)


def test_a_slow_follower_misses_the_oldest(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        with transcripts.follow("demo", None) as follower:
            prints(transcripts, "a", *map(str, range(2500)))
            assert [line.text for line in follower.take()] == [str(number) for number in range(500, 2500)]

    run(tmp_path, scenario)


def test_a_disk_that_fills_up_in_the_middle_of_a_line_loses_and_doubles_none(tmp_path: Path) -> None:
    async def scenario(transcripts: Transcripts) -> None:
        prints(transcripts, "a", "before")
        await transcripts.keep()
        prints(transcripts, "a", "one", "two")
        with files_of_at_most((tmp_path / "demo/a.log").stat().st_size + 40):
            await transcripts.keep()
        assert (tmp_path / "demo/a.log").read_text().endswith("before\n")
        assert await texts(transcripts, "a") == ["before", "one", "two"]

    run(tmp_path, scenario)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk without more room: the write that crosses it is cut, the next one fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.runs import store
from proxy.runs.answer import Answer
from proxy.runs.store import Store

DONE = Answer(200, "application/json", b'{"run_id":"r","result":1}')


def run(folder: Path, scenario: Callable[[Store], Awaitable[None]]) -> None:
    async def whole() -> None:
        opened = Store(folder)
        await opened.open()
        await scenario(opened)
        await opened.close()

    asyncio.run(whole())


async def view(opened: Store, run_id: str = "r", app: str = "demo") -> dict[str, object]:
    row = await opened.find(run_id, app)
    return {} if row is None else row.view()


def locks(folder: Path) -> int:
    return len(list(folder.glob("*.lock")))


def test_run_is_running_until_it_has_ended(tmp_path: Path) -> None:
    async def scenario(opened: Store) -> None:
        await opened.begin("r", "demo")
        assert (await view(opened))["status"] == "running"
        await opened.end("r", "demo", DONE)
        await opened.posted("r", {"delivered": True})
        seen = await view(opened)
        assert (seen["status"], seen["status_code"], seen["result"]) == ("completed", 200, 1)
        assert seen["webhook"] == {"delivered": True}

    run(tmp_path, scenario)


def test_result_outlives_its_proxy_and_is_for_its_own_app_only(tmp_path: Path) -> None:
    async def first(opened: Store) -> None:
        await opened.begin("r", "demo")
        await opened.end("r", "demo", Answer(500, "text/plain", b"no"))

    async def second(opened: Store) -> None:
        assert (await view(opened))["status"] == "failed"
        assert await view(opened, app="other") == {}

    run(tmp_path, first)
    run(tmp_path, second)


def test_run_of_a_proxy_that_is_gone_was_interrupted(tmp_path: Path) -> None:
    async def second(opened: Store) -> None:
        seen = await view(opened)
        assert seen["status"] == "failed"
        assert "the proxy was killed, or could not keep" in str(seen["error"])

    run(tmp_path, lambda opened: opened.begin("r", "demo"))
    run(tmp_path, second)


def test_run_of_another_living_proxy_goes_on(tmp_path: Path) -> None:
    async def scenario(opened: Store) -> None:
        await opened.begin("r", "demo")
        other = Store(tmp_path)
        await other.open()
        assert (await view(other))["status"] == "running"
        await other.close()

    run(tmp_path, scenario)


@pytest.mark.parametrize(("bound", "value"), [("KEEP_RUNS", 2), ("KEEP_BYTES", 2 * len(DONE.body))])
def test_only_the_latest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int) -> None:
    monkeypatch.setattr(store, bound, value)

    async def scenario(opened: Store) -> None:
        for run_id in "abc":
            await opened.begin(run_id, "demo")
            await opened.end(run_id, "demo", DONE)
        assert [bool(await view(opened, run_id)) for run_id in "abc"] == [False, True, True]

    run(tmp_path, scenario)


def test_old_ones_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Store) -> None:
        await opened.begin("r", "demo")
        await opened.end("r", "demo", DONE)
        monkeypatch.setattr(store, "KEEP_HOURS", -1)
        await opened.begin("s", "demo")
        await opened.end("s", "demo", DONE)
        assert await view(opened) == {}

    run(tmp_path, scenario)


def test_answers_are_for_the_users_eyes_only(tmp_path: Path) -> None:
    async def scenario(_: Store) -> None:
        assert (tmp_path / "state" / "runs.sqlite").stat().st_mode & 0o777 == 0o600

    run(tmp_path / "state", scenario)
    assert not list((tmp_path / "state").glob("*.lock"))


def test_run_that_is_over_without_an_answer_does_not_run_for_ever(tmp_path: Path) -> None:
    async def scenario(opened: Store) -> None:
        await opened.begin("r", "demo")
        opened.over("r")
        assert (await view(opened))["status"] == "failed"

    run(tmp_path, scenario)


def test_store_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").mkdir()
    with pytest.raises((OSError, sqlite3.Error)):
        asyncio.run(Store(tmp_path).open())
    assert [file.name for file in tmp_path.iterdir()] == ["runs.sqlite"]


def test_what_killed_proxies_have_left_is_removed_and_what_living_ones_hold_stays(tmp_path: Path) -> None:
    left = tmp_path / "runs-0123456789abcdef.lock"
    left.touch()
    there: list[int] = []

    async def meanwhile(opened: Store) -> None:
        other = Store(tmp_path)
        await other.open()
        there.append(locks(tmp_path))
        await other.close()
        await opened.begin("r", "demo")

    run(tmp_path, meanwhile)
    assert not left.exists()
    assert (there, locks(tmp_path)) == ([2], 0)


def test_what_was_promised_waits_for_the_disk(tmp_path: Path) -> None:
    async def scenario(opened: Store) -> None:
        full = 2
        assert await opened._do(lambda: opened._database.execute("PRAGMA synchronous").fetchone()) == (full,)

    run(tmp_path, scenario)


def test_runs_that_come_at_once_wait_for_the_disk_once(tmp_path: Path) -> None:
    said: list[str] = []

    async def scenario(opened: Store) -> None:
        go = threading.Event()
        await opened._do(lambda: opened._database.set_trace_callback(said.append))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(opened._do(go.wait))
            begun = [tasks.create_task(opened.begin(f"r{number}", "demo")) for number in range(9)]
            await asyncio.sleep(0)
            go.set()
        assert len(begun) == len([await view(opened, f"r{number}") for number in range(9)])

    run(tmp_path, scenario)
    assert said.count("COMMIT") == 1


def test_a_change_that_cannot_be_made_spoils_no_other(tmp_path: Path) -> None:
    async def scenario(opened: Store) -> None:
        go = threading.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(opened._do(go.wait))
            twice = asyncio.gather(
                *(opened.begin(run_id, "demo") for run_id in ("a", "b", "a")), return_exceptions=True
            )
            await asyncio.sleep(0)
            go.set()
        first, other, again = await twice
        assert (first, other) == (None, None)
        assert isinstance(again, sqlite3.IntegrityError)
        assert (await view(opened, "b"))["status"] == "running"

    run(tmp_path, scenario)

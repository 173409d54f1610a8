"""Other programs, asked for what they print."""

from __future__ import annotations

import asyncio
import gc
import os
from functools import partial
from pathlib import Path

import pytest

from proxy.program import ProgramError, ProgramSilent, ask
from tests.e2e.running import eventually

SECONDS = 20.0


def shell(script: str) -> tuple[str, str, str]:
    return ("/bin/sh", "-c", script)


def gone(pid: str) -> bool:
    """Not there, or a zombie that its new parent has not waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_it_prints_is_the_answer() -> None:
    assert asyncio.run(ask(shell("cat; echo '!'"), SECONDS, b"it was told")) == "it was told!\n"


def test_it_need_not_listen() -> None:
    assert asyncio.run(ask(shell("exec <&-; echo deaf"), SECONDS, b"x" * 200_000)) == "deaf\n"


def test_one_that_is_not_there_or_fails_is_an_error_in_words() -> None:
    with pytest.raises(ProgramError, match=r"^/nowhere/program: No such file or directory$"):
        asyncio.run(ask(("/nowhere/program",), SECONDS))
    with pytest.raises(ProgramError, match=r"^/bin/sh exited with code 9$"):
        asyncio.run(ask(shell("echo half; exit 9"), SECONDS))


def test_one_that_is_silent_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(ProgramSilent, match=r"^/bin/sh did not answer within 3 s$"):
        asyncio.run(ask(shell(f"/bin/sleep 60 & echo $$ $! > {pids}; wait"), 3.0))
    for pid in pids.read_text().split():
        eventually(partial(gone, pid))


def test_nothing_is_left_of_one_whose_asker_was_cancelled(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)

    async def scenario() -> str:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask(shell(f"/bin/sleep 60 & echo $$ $! > {pids}; wait"), SECONDS))
            said = await asyncio.to_thread(pids.read_text)
            asking.cancel()
        return said

    for pid in asyncio.run(scenario()).split():
        eventually(partial(gone, pid))
    gc.collect()  # a transport left open would warn, which fails the test

"""Function mode behind the gate: crashes, hangs, and a process 1 that survives them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.entrypoint import Entrypoint, entrypoints
from tests.e2e.running import eventually

MAIN = """
import os, time

def hello(name: str = "world"):
    return f"Hello, {name}!"

def slow(seconds: float):
    time.sleep(seconds)

def hold(until: str):
    while not os.path.exists(until):
        time.sleep(0.01)

async def hang():
    time.sleep(1000)

def segfault():
    os.kill(os.getpid(), 11)
"""


class Functions:
    """Starts process 1 with the functions of a main.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Entrypoint] = []

    def __call__(self, *arguments: str, main: str = MAIN) -> Entrypoint:
        (self.folder / "main.py").write_text(main)
        self.started.append(Entrypoint(self.folder, arguments))
        return self.started[-1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Functions]:
    with entrypoints(tmp_path):
        functions = Functions(tmp_path)
        yield functions
        for each in functions.started:
            each.close()


def test_functions_are_served_and_the_end_is_clean(start: Functions) -> None:
    entrypoint = start().ready()
    assert entrypoint.ask("/hello", "{}")[1]["result"] == "Hello, world!"
    enough = start.folder / "enough"
    running = entrypoint.later("/hold", json.dumps({"until": str(enough)}))
    entrypoint.running(1)
    entrypoint.signal()
    eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
    enough.touch()
    assert running.result()[0] == 200
    assert entrypoint.exit_code() == 0


def test_kill_9_in_the_middle_of_8_requests_is_502_for_those_only(start: Functions) -> None:
    entrypoint = start("--limit", "8").ready()
    answers = [entrypoint.later("/slow", '{"seconds": 60}') for _ in range(8)]
    entrypoint.running(8)
    (pid,) = entrypoint.command_pids()
    os.kill(pid, signal.SIGKILL)
    assert [answer.result()[0] for answer in answers] == [502] * 8
    assert entrypoint.ask("/hello", "{}")[0] == 200
    assert entrypoint.popen.poll() is None
    assert entrypoint.command_pids() != [pid]
    assert "main.py killed by SIGKILL (out of memory?)" in entrypoint.log


def test_a_hung_server_is_restarted_and_its_requests_get_504(start: Functions) -> None:
    entrypoint = start("--limit", "4", "--hang", "3").ready()
    hung = entrypoint.later("/hang", "{}")
    assert hung.result()[0] == 504
    assert entrypoint.ask("/hello", "{}")[0] == 200
    assert "main.py hung and was killed: /ready was not answered for 3 s" in entrypoint.log


def test_a_stopped_process_hangs_too(start: Functions) -> None:
    entrypoint = start("--hang", "3").ready()
    (pid,) = entrypoint.command_pids()
    os.kill(pid, signal.SIGSTOP)
    assert entrypoint.later("/hello", "{}").result()[0] in {200, 504}
    eventually(lambda: entrypoint.command_pids() not in ([], [pid]))
    assert entrypoint.ask("/hello", "{}")[0] == 200


def test_a_function_that_crashes_the_server_again_and_again_is_served_with_pauses(start: Functions) -> None:
    entrypoint = start().ready()
    assert entrypoint.ask("/segfault", "{}")[0] == 502
    assert entrypoint.ask("/segfault", "{}")[0] == 502
    assert entrypoint.ask("/hello", "{}")[0] == 200
    assert entrypoint.log.count("main.py killed by SIGSEGV") == 2


def test_an_import_error_ends_process_1_with_its_traceback(start: Functions) -> None:
    entrypoint = start(main="import nothing_like_this\n")
    assert entrypoint.exit_code() == 3
    assert "ModuleNotFoundError: No module named 'nothing_like_this'" in entrypoint.log


def test_a_server_that_cannot_start_again_says_why(start: Functions) -> None:
    entrypoint = start().ready()
    (start.folder / "main.py").write_text("raise ValueError('broken since')\n")
    (pid,) = entrypoint.command_pids()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: "main.py killed by SIGKILL" in entrypoint.log)
    status, said = entrypoint.ask("/hello", "{}")
    assert (status, said["error"]["type"]) == (503, "no_replica")
    assert "main.py exited with code 3" in said["error"]["message"]
    eventually(lambda: entrypoint.ask("/health")[0] == 503)
    entrypoint.signal()
    assert entrypoint.exit_code() == 3


def test_a_signal_in_the_pause_before_a_restart_ends_it(start: Functions) -> None:
    entrypoint = start().ready()
    (start.folder / "main.py").write_text("raise SystemExit(9)\n")
    (pid,) = entrypoint.command_pids()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "restarting")
    entrypoint.signal()
    entrypoint.exit_code()


def test_the_command_starts_before_anything_slow_is_imported() -> None:
    told = (
        "import sys, runtime.__main__; print({'asyncio', 'inspect', 'logging', 'pydantic', 'ssl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

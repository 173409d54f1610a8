"""The entrypoint as process 1 of a PID namespace, as in a container."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.entrypoint import FAKE, Entrypoint, Start, alive, entrypoints
from tests.e2e.running import eventually

UNSHARE = ("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc")


def _possible() -> bool:
    """Needs root, or user namespaces, which some machines forbid."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _possible(), reason="no PID namespace can be made here")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with entrypoints(tmp_path) as begin:
        yield begin


def process_1(entrypoint: Entrypoint) -> int:
    """Its process id outside the namespace: `unshare` has it as its only child."""
    children = Path(f"/proc/{entrypoint.popen.pid}/task/{entrypoint.popen.pid}/children")
    eventually(children.read_text)
    return int(children.read_text())


def inside(pid: int) -> list[str]:
    """The states of all processes that `pid`, process 1 of a namespace, has as children: Z is a zombie."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] for child in pids]


def test_process_1_passes_the_exit_code_on(start: Start) -> None:
    assert start("--", "sh", "-c", "exit 7", before=UNSHARE).exit_code() == 7
    assert start("--", "sh", "-c", "kill -KILL $$", before=UNSHARE).exit_code() == 128 + signal.SIGKILL


def test_process_1_drains_on_sigterm(start: Start, tmp_path: Path) -> None:
    entrypoint = start("--", *FAKE, "term=die", before=UNSHARE).ready()
    answer = entrypoint.later(f"/until{tmp_path}/enough")
    entrypoint.running(1)
    os.kill(process_1(entrypoint), signal.SIGTERM)
    eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
    (tmp_path / "enough").touch()
    assert answer.result()[0] == 200
    assert entrypoint.exit_code() == 0


def test_process_1_reaps_what_its_command_abandons(start: Start) -> None:
    script = "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; exec sleep 1000"
    entrypoint = start("--", "sh", "-c", script, before=UNSHARE)
    assert entrypoint.port
    pid = process_1(entrypoint)
    eventually(lambda: inside(pid) == ["S"])  # the command alone: nothing runs, and no zombie stays


def test_nothing_is_left_of_the_namespace(start: Start, tmp_path: Path) -> None:
    entrypoint = start("--", "sh", "-c", "(setsid sleep 1000 &); exec sleep 1000", before=UNSHARE)
    assert entrypoint.port
    pid = process_1(entrypoint)
    eventually(lambda: inside(pid) == ["S", "S"])
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    os.kill(pid, signal.SIGTERM)
    assert entrypoint.exit_code() == 128 + signal.SIGTERM
    assert not any(alive(child) for child in children)

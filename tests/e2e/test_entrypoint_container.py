"""The entrypoint in a container, where an engine is at hand; its files are this machine's, so nothing is downloaded."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.docker_engine import needs_engine
from tests.e2e.entrypoint import FAKE, Entrypoint, entrypoints
from tests.e2e.killed_runs import OF_THIS_RUN
from tests.e2e.running import eventually

IMAGE = "tidegate-test-empty"
CHECKOUT = Path(__file__).parents[2]
# The interpreter, its environment, the programs and libraries of the system, and this checkout.
WANTED = (sys.base_prefix, sys.prefix, CHECKOUT, "/usr", "/bin", "/lib", "/lib64")
FOLDERS = sorted({str(folder) for folder in WANTED if Path(folder).exists()})


def docker(*words: str, stdin: bytes = b"") -> str:
    return subprocess.run(["docker", *words], input=stdin, capture_output=True, check=True).stdout.decode().strip()


pytestmark = needs_engine


class Containers:
    """Starts process 1 in containers, which are gone at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.started: list[Entrypoint] = []

    def __call__(self, *arguments: str) -> Entrypoint:
        self.names.append(f"tidegate-test-{uuid.uuid4().hex[:12]}")
        mounts = [f"--volume={folder}:{folder}:ro" for folder in FOLDERS]
        run = ["docker", "run", "--rm", *OF_THIS_RUN, f"--name={self.names[-1]}", "--network=host", *mounts]
        run += [f"--volume={self.folder}:{self.folder}", f"--workdir={self.folder}", IMAGE]
        self.started.append(Entrypoint(self.folder, ["--host", "127.0.0.1", *arguments], before=run))
        return self.started[-1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Containers]:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(".tidegate"))
    docker("import", "-", IMAGE, stdin=empty.getvalue())
    containers = Containers(tmp_path)
    with entrypoints(tmp_path):
        yield containers
        for name in containers.names:
            subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)
        for each in containers.started:
            each.close()
        subprocess.run(["docker", "rmi", IMAGE], check=False, capture_output=True)


def test_docker_stop_lets_requests_finish(start: Containers) -> None:
    entrypoint = start("--", *FAKE, "term=die").ready()
    answer = entrypoint.later(f"/until{start.folder}/enough")
    entrypoint.running(1)
    with ThreadPoolExecutor(1) as thread:
        stopping = thread.submit(docker, "stop", "--time", "60", start.names[0])
        eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
        (start.folder / "enough").touch()
        stopping.result()
    assert answer.result()[0] == 200
    assert entrypoint.exit_code() == 0


def test_the_exit_code_of_a_container_is_the_commands(start: Containers) -> None:
    assert start("--", "/bin/sh", "-c", "exit 7").exit_code() == 7
    assert start("--", "/bin/sh", "-c", "kill -SEGV $$").exit_code() == 128 + signal.SIGSEGV
    assert start("--", "no-such-program").exit_code() == 127


def test_a_crash_of_functions_does_not_end_the_container(start: Containers) -> None:
    (start.folder / "main.py").write_text(
        "import os\ndef die():\n    os.kill(os.getpid(), 9)\ndef hello():\n    return 1\n"
    )
    entrypoint = start().ready()
    assert entrypoint.ask("/die", "{}")[0] == 502
    assert entrypoint.ask("/hello", "{}")[0] == 200
    docker("stop", "--time", "10", start.names[0])
    assert entrypoint.exit_code() == 0

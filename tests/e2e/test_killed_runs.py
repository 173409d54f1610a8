"""tests/e2e/killed_runs.py: what is left of them goes, what another run needs stays."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import killed_runs
from tests.e2e.docker_engine import BASE_IMAGE, docker, needs_engine

pytestmark = needs_engine

Start = Callable[..., str]


@pytest.fixture(name="dead")
def _dead() -> str:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return f"{platform.node()}/{process.pid}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a container with a label, and more options; its id."""
    started: list[str] = []

    def run(label: str, *options: str) -> str:
        words = ["--label", label, *options, BASE_IMAGE, "sleep", "60"]
        started.append(docker("run", "--detach", *words))
        return started[-1]

    yield run
    subprocess.run(["docker", "rm", "--force", *started], capture_output=True, check=False)


def there() -> set[str]:
    return set(docker("ps", "--all", "--quiet", "--no-trunc").split())


def test_containers_of_dead_runs_go_and_others_stay(start: Start, dead: str) -> None:
    gone = start(f"tidegate.test={dead}")
    kept = {start(f"tidegate.test={run}") for run in (killed_runs.RUN, "elsewhere/1")}
    killed_runs.remove_left()
    assert gone not in there()
    assert kept <= there()


def test_an_app_is_of_the_run_in_whose_folder_it_is(start: Start, dead: str, tmp_path: Path) -> None:
    kept = {start(f"tidegate.file={folder}/cerebrium.toml") for folder in (tmp_path / "app", "/srv/app")}
    gone = start(f"tidegate.file={tmp_path}/dead/app/cerebrium.toml")
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / killed_runs.MARK).write_text(dead)
    killed_runs.remove_left()
    assert gone not in there()
    assert kept <= there()


def test_a_network_of_a_dead_run_goes_with_all_that_is_in_it(start: Start, dead: str) -> None:
    network = docker("network", "create", "--label", f"tidegate.test={dead}", f"tidegate-test-dead-{os.getpid()}")
    gone = start("tidegate.app=left", "--network", network)
    killed_runs.remove_left()
    assert gone not in there()
    assert docker("network", "ls", "--quiet", "--no-trunc", "--filter", f"id={network}") == ""

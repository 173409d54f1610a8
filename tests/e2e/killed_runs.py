"""What runs of these tests that were killed have left in the Docker Engine; others may be running beside this one."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

from tests.e2e.docker_engine import docker

RUN = f"{platform.node()}/{os.getpid()}"
# What a test starts or makes itself bears it; containers of `tidegate up` are of the run in whose folder their app is.
OF_THIS_RUN = ("--label", f"tidegate.test={RUN}")
MARK = "tidegate-test-run"


def mark(folder: Path) -> None:
    """All apps below the folder are of this run."""
    (folder / MARK).write_text(RUN)


def remove_left() -> None:
    for network in _left("tidegate.test", "network", "ls"):
        _try("rm", "--force", *docker("ps", "--all", "--quiet", "--filter", f"network={network}").split())
        _try("network", "rm", network)
    _try("rm", "--force", *_left("tidegate.test", "ps", "--all"), *_left("tidegate.file", "ps", "--all"))


def _left(label: str, *list_all: str) -> list[str]:
    """The ids of those whose label says that they are of a dead run."""
    lines = docker(*list_all, "--filter", f"label={label}", "--format", f'{{{{.ID}}}} {{{{.Label "{label}"}}}}')
    pairs = (line.split(" ", 1) for line in lines.splitlines())
    return [one for one, said in pairs if _dead(said if label == "tidegate.test" else _run_of(Path(said)))]


def _run_of(file: Path) -> str:
    """The run that an app is of; "" if of none."""
    marks = (folder / MARK for folder in file.parents)
    return next((mark.read_text() for mark in marks if mark.is_file()), "")


def _dead(run: str) -> bool:
    """Another machine may use the same engine: of its runs nothing is known here."""
    machine, _, pid = run.partition("/")
    return machine == platform.node() and not psutil.pid_exists(int(pid))


def _try(*words: str) -> None:
    """Perhaps there is nothing to remove, or another run does so at the same time."""
    subprocess.run(["docker", *words], capture_output=True, check=False)

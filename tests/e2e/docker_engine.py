"""The real Docker Engine of the end-to-end tests, and apps whose replicas are its containers."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import FAKE_SERVER

BASE_IMAGE = "tidegate-test-base"
_HOW_TO_GET_ONE = f"no Docker Engine with the image {BASE_IMAGE} answers: run scripts/docker-engine.sh as root"


@cache
def engine_answers() -> bool:
    try:
        return (
            subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


# In CI a missing engine is a failure: the tests run, and say so themselves.
needs_engine = pytest.mark.skipif(
    not os.environ.get("TIDEGATE_REQUIRE_DOCKER") and not engine_answers(), reason=_HOW_TO_GET_ONE
)


def docker(*words: str) -> str:
    """What the docker command prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def containers(folder: Path) -> list[str]:
    """The ids of the containers of the app in `folder`, running or not."""
    return docker("ps", "-aq", "--no-trunc", "--filter", f"label=tidegate.file={folder / 'cerebrium.toml'}").split()


def remove_left(folder: Path) -> None:
    """After a test that failed."""
    if left := containers(folder):
        docker("rm", "-f", *left)


def inspected(container: str) -> Any:  # a JSON document
    return json.loads(docker("inspect", container))[0]


def write_docker_app(folder: Path, toml: str = "", server: str = "", entrypoint: str = "", custom: str = "") -> Path:
    """An app whose containers run the fake server as process 1, with the options `server`; events as in `write_app`."""
    folder.mkdir(exist_ok=True)
    (folder / "events").touch()
    command = f"python3 -I -S /fake_server.py $PORT host=0.0.0.0 events=/shared/events {server}"
    (folder / "cerebrium.toml").write_text(f"""
[cerebrium.deployment]
name = "demo"
[cerebrium.runtime.custom]
entrypoint = "{entrypoint or command}"
{custom}
[cerebrium.hardware]
cpu = 1
memory = 0.25
[tidegate.docker]
image = "{BASE_IMAGE}"
volumes = ["{FAKE_SERVER}:/fake_server.py:ro", "{folder}:/shared"]
{toml}
""")
    return folder

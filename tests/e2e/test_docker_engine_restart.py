"""An engine that is stopped and started again while its containers serve: an engine of the test's own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import needs_engine, write_docker_app
from tests.e2e.own_engine import OwnEngine
from tests.e2e.running import Up, events, eventually, running

pytestmark = [needs_engine, pytest.mark.skipif(os.getuid() != 0, reason="only root may start an engine")]

ONE_ALWAYS = "[cerebrium.scaling]\nmin_replicas = 1\nreplica_concurrency = 10\n"


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnEngine]:
    engine = OwnEngine(tmp_path_factory.mktemp("engine"), "tidegate-test", "10.213.77.1/24")
    try:
        engine.connect()
        engine.start()
        engine.load()
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield engine
    finally:
        engine.stop()
        engine.disconnect()


def status_soon(up: Up, status: int) -> str:
    """Ask until that is the answer; its message."""
    deadline = time.monotonic() + 60
    while (answer := up.get("/")).status != status:
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.05)
    return str(answer.json.get("error", {}).get("message", ""))


def test_an_engine_restarted_under_load_heals_and_leaves_nothing(tmp_path: Path, engine: OwnEngine) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS)
    with running(tmp_path, tmp_path, "--backend", "docker") as up:
        assert status_soon(up, 200) == ""
        running_on = up.later("/sleep/1")
        eventually(lambda: len(events(tmp_path, "request")) == 2)
        engine.stop()
        assert running_on.result().status == 200
        assert "no replica of demo can be started: the Docker Engine" in status_soon(up, 503)
        engine.start()
        assert status_soon(up, 200) == ""
        left = engine.docker("ps", "-aq", "--filter", "label=tidegate.app").stdout.split()
        assert len(left) == 1
        assert up.end() == 0
        assert "Traceback" not in up.log()
    assert engine.docker("ps", "-aq").stdout == b""

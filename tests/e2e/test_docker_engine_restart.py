"""An engine that is stopped and started again while its containers serve: an engine of the test's own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import BASE_IMAGE, needs_engine, write_docker_app
from tests.e2e.running import Up, events, eventually, running

pytestmark = [needs_engine, pytest.mark.skipif(os.getuid() != 0, reason="only root may start an engine")]

ONE_ALWAYS = "[cerebrium.scaling]\nmin_replicas = 1\nreplica_concurrency = 10\n"


_BRIDGE = "tidegate-test"
_ADDRESS = "10.213.77.1/24"


class OwnEngine:
    """A second dockerd with folders and a bridge of its own: it would take the first one's."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix://{folder}/engine.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folders = [f"--{name}={self._folder / name}" for name in ("data-root", "exec-root", "pidfile")]
        argv = ["dockerd", *folders, f"--host={self.address}", f"--bridge={_BRIDGE}", "--iptables=false"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        eventually(lambda: self.docker("version").returncode == 0)

    def connect(self) -> None:
        for words in (
            f"link add {_BRIDGE} type bridge",
            f"addr add {_ADDRESS} dev {_BRIDGE}",
            f"link set {_BRIDGE} up",
        ):
            subprocess.run(["ip", *words.split()], check=True)

    def disconnect(self) -> None:
        subprocess.run(["ip", "link", "del", _BRIDGE], check=False)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def docker(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["docker", "--host", self.address, *words], capture_output=True, check=False)

    def load(self) -> None:
        """Give it the tests' image."""
        with subprocess.Popen(["docker", "save", BASE_IMAGE], stdout=subprocess.PIPE) as saved:
            argv = ["docker", "--host", self.address, "load"]
            subprocess.run(argv, stdin=saved.stdout, capture_output=True, check=True)


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnEngine]:
    engine = OwnEngine(tmp_path_factory.mktemp("engine"))
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

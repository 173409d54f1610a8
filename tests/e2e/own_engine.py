"""A second Docker Engine, that may be stopped and started while its containers serve."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.docker_engine import BASE_IMAGE
from tests.e2e.running import eventually


class OwnEngine:
    """A dockerd with folders and a bridge of its own: it would take the first one's. `network`: "10.213.77.1/24"."""

    def __init__(self, folder: Path, bridge: str, network: str) -> None:
        self.address = f"unix://{folder}/engine.sock"
        self._folder = folder
        self._bridge, self._network = bridge, network
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folders = [f"--{name}={self._folder / name}" for name in ("data-root", "exec-root", "pidfile")]
        argv = ["dockerd", *folders, f"--host={self.address}", f"--bridge={self._bridge}", "--iptables=false"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        eventually(lambda: self.docker("version").returncode == 0)

    def connect(self) -> None:
        for words in (
            f"link add {self._bridge} type bridge",
            f"addr add {self._network} dev {self._bridge}",
            f"link set {self._bridge} up",
        ):
            subprocess.run(["ip", *words.split()], check=True)

    def disconnect(self) -> None:
        subprocess.run(["ip", "link", "del", self._bridge], check=False)

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

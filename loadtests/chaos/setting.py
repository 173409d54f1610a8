"""What a scenario wants to be played on, and the app's file that says so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.proxy import APP, REPLICA_SERVER, Command
from tests.e2e.docker_engine import BASE_IMAGE

LIMIT = 2
CONFIG = """
[cerebrium.deployment]
name = "{app}"

[cerebrium.runtime.custom]
entrypoint = {entrypoint}
readycheck_endpoint = "/ready"
healthcheck_endpoint = "{health}"

[cerebrium.scaling]
min_replicas = {replicas}
max_replicas = {replicas}
replica_concurrency = {limit}
response_grace_period = 16

[tidegate.timeouts]
connect_seconds = 5
first_byte_seconds = 3
idle_seconds = 3

[tidegate.probes]
interval_seconds = 1
timeout_seconds = 1

{more}
"""
STATIC = """
[tidegate]
backend = "static"
[tidegate.static]
replicas = {addresses}
"""
CONTAINERS = """
[cerebrium.hardware]
cpu = 1
memory = 0.25
[tidegate.docker]
image = "{image}"
volumes = ["{folder}:{folder}", "{server}:{server}:ro"]
[tidegate.env]
CHAOS_HOST = "0.0.0.0"
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """`more` is added to the app's file. With `shims` the replicas are ours, of the static backend, behind shims.

    `small_state`: the state folder is a disk of its own of 512 KiB, if we are root. `engine`: replicas are containers
    of a Docker Engine of our own. `files` of the app's folder by name; a replica's readiness is in the first of them.
    """

    replicas: int = 2
    visitors: int = 8
    shims: bool = False
    client_shim: bool = False
    small_state: bool = False
    engine: bool = False
    health: str = ""  # the path that is asked; a stopped process still takes connections
    more: str = ""
    replica_prefix: Sequence[str] = ()
    command: Command = field(default_factory=Command)
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path, shims: Sequence[int]) -> None:
        """The app, with the ports of its shims."""
        for name, text in self.files.items():
            (folder / name).write_text(text)
        python = "python3" if self.engine else sys.executable
        words = [*self.replica_prefix, python, str(REPLICA_SERVER), "$PORT", str(folder / "journal")]
        words += [str(folder / name) for name in self.files]
        more = self.more
        if self.shims:
            more += STATIC.format(addresses=[f"127.0.0.1:{port}" for port in shims])
        if self.engine:
            more += CONTAINERS.format(image=BASE_IMAGE, folder=folder, server=REPLICA_SERVER)
        own = {"replicas": self.replicas, "health": self.health, "more": more}
        (folder / "cerebrium.toml").write_text(CONFIG.format(app=APP, entrypoint=words, limit=LIMIT, **own))

"""What the engine is asked to create for one replica: image, limits, network, labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.backends.command import with_port
from proxy.backends.docker.gpus import LABEL
from proxy.backends.environment import build_id, variables

if TYPE_CHECKING:
    from proxy.config import AppConfig

DEFAULT_PORT = 8000
_CPU_PERIOD_MICROSECONDS = 100_000
# An app's output is followed as it comes; what the engine keeps of it besides must not fill the disk.
_LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}

# The documents of the engine's API are JSON, of any type: https://docs.docker.com/reference/api/engine/
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What all replicas of an app have in common; `network` None leaves the choice to the engine's default."""

    config: AppConfig
    image: str
    network: str | None
    published: bool
    image_id: str = ""

    @property
    def on_host(self) -> bool:
        return self.network == "host"

    @property
    def port(self) -> int:
        """What the server listens on; on the host's own network each replica needs another."""
        return self.config.custom.port if self.config.custom else DEFAULT_PORT

    def labels(self) -> dict[str, str]:
        """By which the containers of this app are found again."""
        return {"tidegate.app": self.config.name, "tidegate.file": str(self.config.file)}

    def digest(self) -> str:
        """12 hexadecimal digits that stay the same as long as new replicas would be like the old ones."""
        document = self.document("", self.port, ())
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]

    def document(self, replica_id: str, port: int, devices: Sequence[str]) -> Document:
        build = build_id(self.config, [(self.image_id or self.image).encode()])
        environment = variables(self.config, replica_id, port, build)
        document: Document = {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Labels": self.labels(),
            "ExposedPorts": {f"{port}/tcp": {}},
            "Healthcheck": {"Test": ["NONE"]},  # replicas are probed from here, as the app's own settings say
            "HostConfig": self._host(port, devices) | dict(self.config.docker.run_options),
        }
        if self.config.custom and self.config.custom.entrypoint:
            document["Entrypoint"] = [with_port(word, self.port, port) for word in self.config.custom.entrypoint]
        return document

    def named(self, replica_id: str, port: int, devices: Sequence[str]) -> Document:
        """The document for one replica, with labels that tell how it was made."""
        document = self.document(replica_id, port, devices)
        document["Labels"] |= {
            "tidegate.replica": replica_id,
            "tidegate.port": str(port),
            "tidegate.config": self.digest(),
        }
        if devices:
            document["Labels"][LABEL] = ",".join(devices)
        return document

    def _host(self, port: int, devices: Sequence[str]) -> Document:
        hardware = self.config.hardware
        host: Document = {
            # A quota, since the engine refuses NanoCpus above what the machine has: the file may be of a larger one.
            "CpuPeriod": _CPU_PERIOD_MICROSECONDS,
            "CpuQuota": max(1000, int(hardware.cpu * _CPU_PERIOD_MICROSECONDS)),
            "Memory": hardware.memory_bytes,
            "MemorySwap": hardware.memory_bytes,  # memory and swap together: no swap
            "ShmSize": hardware.memory_bytes // 2,  # what Linux gives /dev/shm; the engine's 64 MB break data loaders
            "Init": False,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": _LOGS,
            "Binds": [_bind(volume, self.config.folder) for volume in self.config.docker.volumes],
        }
        if self.network:
            host["NetworkMode"] = self.network
        if self.published:
            host["PortBindings"] = {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
        if devices:
            host["DeviceRequests"] = [_device_request(devices)]
        return host


def _device_request(devices: Sequence[str]) -> Mapping[str, object]:
    which: Mapping[str, object] = {"Count": -1} if tuple(devices) == ("all",) else {"DeviceIDs": list(devices)}
    return {"Driver": "", "Capabilities": [["gpu"]], **which}


def _bind(volume: str, folder: Path) -> str:
    """The volume with its source as the engine takes it: a path from the app's folder, or a named volume."""
    source, _, rest = volume.partition(":")
    if "/" in source or source.startswith((".", "~")):
        source = str((folder / Path(source).expanduser()).resolve())
    return f"{source}:{rest}"

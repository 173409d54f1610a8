"""Where the proxy itself runs, seen from the engine: on the host, or in a container beside its replicas."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiodocker import Docker, DockerError

from proxy.errors import EngineError

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Site:
    """`network`: the one on which the proxy's own container is beside its replicas; None if it runs on the host."""

    network: str | None = None

    def address(self, inspection: dict[str, Any], port: int) -> tuple[str, int]:  # JSON documents are of any type
        """Where a started container is reached that listens on `port`; raises EngineError if nowhere."""
        if inspection["HostConfig"]["NetworkMode"] == "host":
            return "127.0.0.1", port
        networks: dict[str, dict[str, str]] = inspection["NetworkSettings"]["Networks"]
        wanted = networks.get(self.network or "") or next(iter(networks.values()), {})
        published = inspection["NetworkSettings"]["Ports"].get(f"{port}/tcp")
        # The engine's relay behind a published port accepts connections before the server does, and after it has
        # gone: what was sent then is lost. So the port is only the way where the container itself is out of reach.
        if published and self.network is None and not _is_of_this_machine(wanted.get("Gateway", "")):
            return "127.0.0.1", int(published[0]["HostPort"])
        if not wanted.get("IPAddress"):
            names = ", ".join(networks) or "none"
            raise EngineError(f"a container on the network {names} cannot be reached: correct tidegate.docker.network")
        return wanted["IPAddress"], port


def _is_of_this_machine(address: str) -> bool:
    """As the gateway of a network is where its bridge is: not so with a virtual machine's engine, or a rootless one."""
    with socket.socket() as probe:
        try:
            probe.bind((address or "0.0.0.0", 0))
        except OSError:
            return False
    return bool(address)


async def locate(docker: Docker, wanted: str | None) -> Site:
    """Find out where this proxy runs; `wanted` is the network that replicas are to join.

    Raises EngineError if it runs in a container that is not on that network, and DockerError.
    """
    own = own_container()
    if own is None:
        return Site()
    try:
        inspection = await docker.containers.container(own).show()
    except DockerError as error:
        if error.status == 404:  # a container of some other engine's: to this one we are on the host
            return Site()
        raise
    if inspection["HostConfig"]["NetworkMode"] == "host":
        return Site()
    networks = sorted(inspection["NetworkSettings"]["Networks"])
    if wanted and wanted not in networks:
        raise EngineError(
            f"the proxy's own container is not on the network {wanted} of its replicas, but on {', '.join(networks)}: "
            f"connect it, or correct tidegate.docker.network"
        )
    return Site(wanted or networks[0])


def own_container(mounts: Path = _MOUNTS) -> str | None:
    """The id of the container in which `mounts` is read: the engine mounts a hostname file into each."""
    if not mounts.exists():
        return None
    match = re.search(r"/containers/([0-9a-f]{64})/", mounts.read_text())
    return match[1] if match else None

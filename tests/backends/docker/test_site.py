from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.backends.docker.site import Site, own_container
from proxy.errors import EngineError

ID = "3b0ee5c9f1" + "0" * 54
MOUNTS = f"""
1042 1021 254:0 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw
1043 1021 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw
"""


def inspection(mode: str = "bridge", published: int | None = 32768, **addresses: tuple[str, str]) -> Any:
    """A container's, with the (address, gateway) of each network."""
    ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(published)}]} if published else {}
    networks = {name: {"IPAddress": address, "Gateway": gateway} for name, (address, gateway) in addresses.items()}
    return {"HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Ports": ports, "Networks": networks}}


def test_a_container_tells_its_own_id_and_a_host_has_none(tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert own_container(tmp_path / "mountinfo") == ID
    (tmp_path / "mountinfo").write_text("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw")
    assert own_container(tmp_path / "mountinfo") is None
    assert own_container(tmp_path / "none") is None


def test_a_container_on_this_machines_bridge_is_reached_directly() -> None:
    assert Site().address(inspection(bridge=("172.17.0.2", "127.0.0.1")), 8000) == ("172.17.0.2", 8000)


def test_a_container_out_of_reach_is_reached_through_its_published_port() -> None:
    assert Site().address(inspection(bridge=("172.17.0.2", "203.0.113.1")), 8000) == ("127.0.0.1", 32768)


def test_beside_the_proxys_own_container_the_shared_network_counts() -> None:
    both = inspection(bridge=("172.17.0.2", "203.0.113.1"), apps=("172.20.0.9", "203.0.113.2"))
    assert Site("apps").address(both, 8000) == ("172.20.0.9", 8000)


def test_a_network_that_publishes_nothing_is_entered_directly() -> None:
    assert Site().address(inspection(published=None, inner=("172.21.0.2", "")), 8000) == ("172.21.0.2", 8000)


def test_the_hosts_own_network_needs_no_address() -> None:
    assert Site().address(inspection(mode="host", published=None, host=("", "")), 41000) == ("127.0.0.1", 41000)


def test_a_container_without_any_way_in_is_an_error_that_names_the_key() -> None:
    with pytest.raises(EngineError, match=r"network none cannot be reached: correct tidegate\.docker\.network"):
        Site().address(inspection(mode="none", published=None, none=("", "")), 8000)

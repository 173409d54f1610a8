"""tidegate up with containers: what a user sees, and that nothing is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from proxy.backends.docker.definition import Plan
from proxy.config import load
from proxy.engine.connection import connect
from tests.e2e.docker_engine import BASE_IMAGE, containers, inspected, needs_engine, remove_left, write_docker_app
from tests.e2e.running import events, eventually, running

pytestmark = needs_engine

ONE_EACH = "[cerebrium.scaling]\nreplica_concurrency = 1\n"
DOCKER = ("--backend", "docker")


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    remove_left(tmp_path)


def test_from_zero_to_an_answer_and_back_to_nothing(tmp_path: Path) -> None:
    write_docker_app(tmp_path, '[tidegate.env]\nGREETING = "hello"')
    with running(tmp_path, tmp_path, *DOCKER) as up:
        answer = up.get("/x")
        assert answer.status == 200
        (replica,) = up.view()["replicas"]
        made = inspected(replica["container_id"])
        assert made["Name"] == f"/tidegate-{replica['id']}"
        assert made["Config"]["Labels"]["tidegate.replica"] == replica["id"] == answer.json["replica"]
        assert "GREETING=hello" in made["Config"]["Env"]
        host = made["HostConfig"]
        assert (host["CpuQuota"], host["Memory"], host["MemorySwap"]) == (100_000, 2**28, 2**28)
        assert next(iter(host["PortBindings"].values()))[0]["HostIp"] == "127.0.0.1"
        assert up.end() == 0
    assert len(events(tmp_path, "term")) == 1
    assert containers(tmp_path) == []


def test_a_cold_start_adds_little_to_the_containers_own_start(tmp_path: Path) -> None:
    write_docker_app(tmp_path, custom='readycheck_endpoint = "/ready"')
    added = []
    for _ in range(4):
        with running(tmp_path, tmp_path, *DOCKER) as up:
            eventually(lambda: "replicas wanted: 0" in up.log())
            own = container_start_seconds(tmp_path)
            added.append(up.get("/").seconds - own)
            assert up.end() == 0
    assert sorted(added)[1] < 0.1, added  # the machine may do something else during some of them


def container_start_seconds(folder: Path) -> float:
    """From asking the engine for just such a container to an answer of its server, without Tidegate."""
    return asyncio.run(_own_start(Plan(load(folder), BASE_IMAGE, None, published=True)))


async def _own_start(plan: Plan) -> float:
    async with connect() as engine, aiohttp.ClientSession() as session:
        await engine.version()
        began = time.monotonic()
        container = await engine.containers.create(plan.named("baseline", plan.port, ()), name="tidegate-baseline")
        await container.start()
        address = (await container.show())["NetworkSettings"]["IPAddress"]
        while not await _answered(session, f"http://{address}:{plan.port}/"):
            await asyncio.sleep(0.002)
        seconds = time.monotonic() - began
        await container.delete(force=True)
        return seconds


async def _answered(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def test_a_hundred_requests_at_once_use_ten_containers_and_never_two_in_one(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_EACH + "max_replicas = 10")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        answers = up.get_all(["/sleep/0.3"] * 100)
        assert {answer.status for answer in answers} == {200}
        assert {answer.json["most"] for answer in answers} == {1}
        assert 2 <= len({answer.json["replica"] for answer in answers}) <= 10
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_on_the_hosts_network_replicas_listen_on_ports_of_their_own(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_EACH + "min_replicas = 2\nmax_replicas = 2")
    file = tmp_path / "cerebrium.toml"
    file.write_text(file.read_text().replace("[tidegate.docker]", '[tidegate.docker]\nnetwork = "host"'))
    with running(tmp_path, tmp_path, *DOCKER) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        addresses = {replica["address"] for replica in up.view()["replicas"]}
        assert len(addresses) == 2
        assert all(address.startswith("127.0.0.1:") for address in addresses)
        assert {answer.status for answer in up.get_all(["/sleep/0.1"] * 4)} == {200}
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_an_end_in_the_middle_of_a_build_is_an_end_at_once(tmp_path: Path) -> None:
    (tmp_path / "main.txt").touch()
    (tmp_path / "cerebrium.toml").write_text(f"""
[cerebrium.deployment]
name = "demo"
docker_base_image_url = "{BASE_IMAGE}"
shell_commands = ["echo {tmp_path}", "sleep 60"]
[cerebrium.runtime.custom]
entrypoint = "python3 -m http.server"
""")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        eventually(lambda: "shell: sleep 60" in up.log())
        assert up.end() == 0
        assert "Traceback" not in up.log()

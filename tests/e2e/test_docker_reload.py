"""Containers that are rolled over, and those of an earlier configuration that a new proxy finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import containers, needs_engine, remove_left, write_docker_app
from tests.e2e.running import Up, eventually, running, write_app
from tests.e2e.test_reload import load, reload

pytestmark = needs_engine

DOCKER = ("--backend", "docker")
TWO = "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2\nreplica_concurrency = 4\n"
ANOTHER = TWO + "[tidegate.env]\nMODEL = 'another'\n"


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    remove_left(tmp_path)


def served_by_two(up: Up) -> set[str]:
    eventually(lambda: up.states() == ["ready", "ready"])
    return {replica["container_id"] for replica in up.view()["replicas"]}


def test_changed_containers_roll_over_without_losing_a_request(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        before = served_by_two(up)
        with load(up) as answers:
            write_docker_app(tmp_path, TWO + "[tidegate.queue]\nmax_length = 5")
            assert "revision 1 is in service" in reload(up, "--wait").stdout
            assert served_by_two(up) == before
            write_docker_app(tmp_path, ANOTHER)
            assert reload(up, "--wait").returncode == 0
        assert list(answers) == ["200"], answers
        after = served_by_two(up)
        assert not before & after
        eventually(lambda: set(containers(tmp_path)) == after)
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_an_image_that_cannot_be_had_is_rolled_back(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        before = served_by_two(up)
        file = tmp_path / "cerebrium.toml"
        file.write_text(file.read_text().replace('image = "tidegate-test-base"', 'image = "localhost:1/no-such-image"'))
        done = reload(up, "--wait")
        assert done.returncode == 1
        assert "revision 2 was rolled back, revision 1 stays" in done.stdout
        assert served_by_two(up) == before
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_containers_of_another_configuration_serve_until_they_are_replaced(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO)
    with running(tmp_path, tmp_path, *DOCKER, "--keep-replicas") as up:
        left = served_by_two(up)
        assert up.end() == 0
    write_docker_app(tmp_path, ANOTHER, server="start=1")
    with running(tmp_path, tmp_path, *DOCKER) as up, load(up) as answers:
        eventually(lambda: {one["revision"] for one in up.view()["replicas"] if one["state"] == "ready"} >= {0})
        eventually(lambda: not left & set(containers(tmp_path)))
        served_by_two(up)
    assert list(answers) == ["200"], answers


def test_an_app_moves_to_another_backend_and_back(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        with load(up) as answers:
            write_docker_app(tmp_path, TWO + "[tidegate]\nbackend = 'docker'\n")
            assert reload(up, "--wait").returncode == 0
            assert served_by_two(up) == set(containers(tmp_path))
            write_app(tmp_path, TWO)
            assert reload(up, "--wait").returncode == 0
        assert list(answers) == ["200"], answers
        eventually(lambda: containers(tmp_path) == [])
        assert all("pid" in replica for replica in up.view()["replicas"])
        assert up.end() == 0

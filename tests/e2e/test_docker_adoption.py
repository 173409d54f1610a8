"""Containers that outlive their proxy are taken over by the next one, or ended by it; never started twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import containers, docker, needs_engine, remove_left, write_docker_app
from tests.e2e.running import Up, events, eventually, running

pytestmark = needs_engine

DOCKER = ("--backend", "docker")
TWO_ALWAYS = "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2\nreplica_concurrency = 1\n"


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    remove_left(tmp_path)


def served_by_two(up: Up) -> set[str]:
    eventually(lambda: up.states() == ["ready", "ready"])
    return {replica["container_id"] for replica in up.view()["replicas"]}


def leave_two(folder: Path) -> set[str]:
    """Containers whose proxy was killed with SIGKILL."""
    with running(folder, folder, *DOCKER) as up:
        left = served_by_two(up)
        up.process.kill()
    assert set(containers(folder)) == left
    return left


def test_a_killed_proxys_containers_serve_the_next_one_at_once(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    left = leave_two(tmp_path)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        began = time.monotonic()
        assert up.get("/").status == 200
        assert time.monotonic() - began < 5
        assert served_by_two(up) == left == set(containers(tmp_path))
        assert {answer.json["most"] for answer in up.get_all(["/sleep/0.1"] * 10)} == {1}
        assert up.log().count("is taken over from an earlier proxy") == 2
        assert " started at " not in up.log()
        assert up.end() == 0
    assert containers(tmp_path) == []
    assert len(events(tmp_path, "start")) == len(events(tmp_path, "term")) == 2


def test_containers_of_another_configuration_are_drained_and_replaced(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    left = leave_two(tmp_path)
    write_docker_app(tmp_path, TWO_ALWAYS + "[tidegate.env]\nMODEL = 'another'")
    (tmp_path / "events").write_text("")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        assert up.get("/").status == 200
        eventually(lambda: up.states() == ["ready", "ready"] and not left & set(containers(tmp_path)))
        assert len(events(tmp_path, "term")) == 2
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_containers_that_do_not_run_any_more_are_removed(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    stopped, paused = sorted(leave_two(tmp_path))
    docker("stop", stopped)
    docker("pause", paused)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        eventually(lambda: sorted(up.states()) == ["ready", "starting"])
        assert stopped not in containers(tmp_path)
        docker("unpause", paused)
        assert paused in served_by_two(up)
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_replicas_are_kept_on_request_and_taken_over(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    with running(tmp_path, tmp_path, *DOCKER, "--keep-replicas") as up:
        kept = served_by_two(up)
        assert up.end() == 0
    assert set(containers(tmp_path)) == kept
    assert events(tmp_path, "term") == []
    with running(tmp_path, tmp_path, *DOCKER) as up:
        assert up.get("/").status == 200
        assert served_by_two(up) == kept
        assert up.end() == 0
    assert containers(tmp_path) == []


def test_a_proxy_that_cannot_begin_touches_no_container(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    left = leave_two(tmp_path)
    broken = write_docker_app(tmp_path / "other", "[tidegate]\nbackend = 'process'")
    file = broken / "cerebrium.toml"
    file.write_text(file.read_text().replace('"demo"', '"other"').replace("python3 -I -S", "no-such-server"))
    with pytest.raises(AssertionError, match="no-such-server"), running(tmp_path, *DOCKER, tmp_path, broken):
        pass
    assert set(containers(tmp_path)) == left


def test_what_containers_use_is_shown(tmp_path: Path) -> None:
    write_docker_app(tmp_path, TWO_ALWAYS)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        served_by_two(up)
        eventually(lambda: all((replica["memory_bytes"] or 0) > 1_000_000 for replica in up.view()["replicas"]))
        assert json.dumps(up.view()["replicas"][0]["cpu_ratio"])
        assert up.end() == 0

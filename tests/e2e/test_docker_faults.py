"""What happens to containers behind the proxy's back, and what users get wrong."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import BASE_IMAGE, containers, docker, needs_engine, remove_left, write_docker_app
from tests.e2e.running import TIDEGATE, Up, eventually, running

pytestmark = needs_engine

DOCKER = ("--backend", "docker")
ONE_ALWAYS = "[cerebrium.scaling]\nmin_replicas = 1\nreplica_concurrency = 10\n"
QUICK_PROBES = "[tidegate.probes]\ninterval_seconds = 0.2\n"
HTTP_PROBES = 'readycheck_endpoint = "/ready"\nhealthcheck_endpoint = "/health"\n'


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    remove_left(tmp_path)


def ready_containers(up: Up) -> list[str]:
    return [replica["container_id"] for replica in up.view()["replicas"] if replica["state"] == "ready"]


def ready_container(up: Up) -> str:
    eventually(lambda: ready_containers(up))
    return ready_containers(up)[0]


def ends_with_nothing_left(up: Up, folder: Path) -> None:
    assert up.end() == 0
    assert containers(folder) == []
    assert "Traceback" not in up.log()


@pytest.mark.parametrize(
    ("hand", "reason"),
    [
        (("kill",), "killed by SIGKILL from outside"),
        (("stop",), "exited with code 0"),
        (("rm", "-f"), "removed from outside|killed by SIGKILL"),
    ],
)
def test_a_container_ended_by_hand_is_replaced(tmp_path: Path, hand: tuple[str, ...], reason: str) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        first = ready_container(up)
        docker(*hand, first)
        eventually(lambda: len(ready_containers(up)) == 1 and first not in ready_containers(up))
        assert containers(tmp_path) == [ready_container(up)]
        assert any(f"failed: {said}" in up.log() for said in reason.split("|"))
        assert up.get("/").status == 200
        ends_with_nothing_left(up, tmp_path)


def test_a_container_that_exits_in_the_middle_of_a_request_is_replaced(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        first = ready_container(up)
        assert up.get("/exit/7").status == 502
        eventually(lambda: len(ready_containers(up)) == 1 and first not in ready_containers(up))
        assert "failed: exited with code 7" in up.log()
        assert '"message":"last words","app":"demo","replica":"demo-' in up.log()
        ends_with_nothing_left(up, tmp_path)


def test_a_paused_container_gets_no_requests_and_serves_again(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS + "[tidegate.probes]\ninterval_seconds = 1\nfailures = 60")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        container = ready_container(up)
        docker("pause", container)
        eventually(lambda: up.states() == ["unready"])
        assert up.view()["replicas"][0]["last_probe"] == "its container is paused"
        waiting = up.later("/")
        docker("unpause", container)
        assert waiting.result().status == 200
        assert ready_container(up) == container
        ends_with_nothing_left(up, tmp_path)


def test_a_container_that_stays_paused_is_replaced(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS + QUICK_PROBES, custom=HTTP_PROBES)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        first = ready_container(up)
        docker("pause", first)
        eventually(lambda: containers(tmp_path) and first not in containers(tmp_path))
        assert "its health check failed 3 times: its container is paused" in up.log()
        assert up.get("/").status == 200
        ends_with_nothing_left(up, tmp_path)


def test_an_end_with_a_paused_container_leaves_nothing(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        docker("pause", ready_container(up))
        ends_with_nothing_left(up, tmp_path)


def test_a_container_out_of_memory_says_so(tmp_path: Path) -> None:
    eats = "python3 -c 'import time; time.sleep(0.5); bytearray(10**9)'"
    write_docker_app(tmp_path, entrypoint=eats)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        answer = up.get("/")
        assert answer.status == 503
        assert (
            "out of memory: it needed more than cerebrium.hardware.memory, which is 0.25 GB"
            in answer.json["error"]["message"]
        )
        ends_with_nothing_left(up, tmp_path)


def test_a_container_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    write_docker_app(tmp_path, ONE_ALWAYS + "response_grace_period = 16", server="term=ignore")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        ready_container(up)
        began = time.monotonic()
        ends_with_nothing_left(up, tmp_path)
        assert 15 < time.monotonic() - began < 30


def test_a_second_signal_removes_all_at_once(tmp_path: Path) -> None:
    write_docker_app(tmp_path, "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2", server="term=ignore")
    with running(tmp_path, tmp_path, *DOCKER) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        up.process.terminate()
        eventually(lambda: "finishing what runs" in up.log())
        began = time.monotonic()
        assert up.end() == 143
        assert time.monotonic() - began < 15
    assert containers(tmp_path) == []
    assert "Traceback" not in up.log()


# Mistakes: one sentence that names the mend


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (
            "network = 'no-such-network'",
            "there is no Docker network no-such-network: make it with `docker network create",
        ),
        ("gpus = ['0']", "the Docker Engine cannot give it a GPU: install the NVIDIA Container Toolkit, or set"),
        (
            "run_options = { PortBindings = { '8000/tcp' = [{ HostPort = 'TAKEN' }] } }",
            "a port that it publishes is taken",
        ),
        ("volumes = ['/no/such/folder/../x:/y:nonsense']", "a volume cannot be mounted"),
    ],
)
def test_what_the_engine_refuses_is_answered_503_with_the_mend(tmp_path: Path, toml: str, sentence: str) -> None:
    write_docker_app(tmp_path)
    file = tmp_path / "cerebrium.toml"
    with running(write_docker_app(tmp_path / "other"), *DOCKER, str(tmp_path / "other")) as other:
        port = other.url.rpartition(":")[2]
        table, _, volumes = file.read_text().rpartition("volumes =")
        kept = "" if toml.startswith("volumes") else f"volumes ={volumes}"
        file.write_text(f"{table}{toml.replace('TAKEN', port)}\n{kept}")
        with running(tmp_path, tmp_path, *DOCKER) as up:
            answer = up.get("/")
            assert answer.status == 503
            assert answer.json["error"]["message"].startswith("no replica of demo can be started: ")
            assert sentence in answer.json["error"]["message"]
            ends_with_nothing_left(up, tmp_path)


def test_an_image_that_is_nowhere_is_answered_503_with_its_key(tmp_path: Path) -> None:
    write_docker_app(tmp_path)
    file = tmp_path / "cerebrium.toml"
    file.write_text(file.read_text().replace(BASE_IMAGE, "tidegate-no-such-image"))
    with running(tmp_path, tmp_path, *DOCKER) as up:
        answer = up.get("/")
        assert answer.status == 503
        assert (
            'tidegate.docker.image is "tidegate-no-such-image", which is not on this machine'
            in answer.json["error"]["message"]
        )
        assert up.end() == 0


def refused(folder: Path, **environ: str) -> str:
    """What `tidegate up` says when it does not even begin."""
    argv = [TIDEGATE, "up", str(folder), *DOCKER, "--port", "0", "--admin-port", "0"]
    done = subprocess.run(argv, env={**os.environ, **environ}, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_an_engine_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = refused(write_docker_app(tmp_path), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert said == (
        f"tidegate: the Docker Engine does not answer at unix://{tmp_path}/none.sock: "
        "start it (`sudo systemctl start docker`), or set DOCKER_HOST"
    )


def test_a_gpu_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    write_docker_app(tmp_path)
    file = tmp_path / "cerebrium.toml"
    file.write_text(file.read_text().replace("cpu = 1", 'cpu = 1\ncompute = "HOPPER_H100"'))
    said = refused(tmp_path, PATH="/nowhere")
    assert "cerebrium.hardware asks for 1 GPU (HOPPER_H100), but nvidia-smi finds none here: set" in said


def test_a_second_proxy_for_the_same_app_is_refused(tmp_path: Path) -> None:
    write_docker_app(tmp_path)
    with running(tmp_path, tmp_path, *DOCKER) as up:
        assert "app demo is served by another `tidegate up` with the docker backend already" in refused(tmp_path)
        assert up.get("/").status == 200
        ends_with_nothing_left(up, tmp_path)

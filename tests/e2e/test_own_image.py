"""Tidegate's own Dockerfile: the proxy as a container, and the runtime that other images copy."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.images.settings import settings_parts
from tests.e2e.docker_engine import BASE_IMAGE, docker, needs_engine
from tests.e2e.killed_runs import OF_THIS_RUN
from tests.e2e.running import eventually

pytestmark = needs_engine

ROOT = Path(__file__).parents[2]
SOCKET = Path("/var/run/docker.sock")
BASE = "tidegate-test-own-base"
FUNCTIONS = "import platform\n\n\ndef where() -> str:\n    return platform.node()\n"
TOML = """
[cerebrium.deployment]
name = "e2e-own"
docker_base_image_url = "tidegate-test-base"
[cerebrium.hardware]
memory = 0.5
[cerebrium.scaling]
response_grace_period = 16
[tidegate.docker]
network = "{network}"
[tidegate.queue]
timeout_seconds = 120
"""


@pytest.fixture(scope="module", autouse=True)
def _base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests' base image, with this machine's way to package indexes, which a plain `docker build` does not know."""
    folder = tmp_path_factory.mktemp("base")
    for name, content in settings_parts(os.environ, Path.home()).items():
        (folder / name).write_bytes(content)
    exports = [shlex.split(line)[1] for line in (folder / "environment").read_text().splitlines()]
    settings = [f"ENV {line}" for line in exports if line.startswith(("PIP_CERT=", "PIP_INDEX_URL="))]
    lines = [f"FROM {BASE_IMAGE}", "COPY . /run/tidegate/settings/", *settings]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "--quiet", "--tag", BASE, str(folder))
    yield
    # Tidegate's own images stay: they are what the next run need not build again.
    apps = docker("image", "ls", "--quiet", "--filter", "label=tidegate.image.app=e2e-own").split()
    docker("image", "rm", "--force", BASE, *set(apps))


def built(target: str) -> str:
    tag = f"tidegate-test-{target}"
    docker("build", "--quiet", "--build-arg", f"BASE={BASE}", "--target", target, "--tag", tag, str(ROOT))
    return tag


@pytest.fixture
def network() -> Iterator[str]:
    name = f"tidegate-test-{secrets.token_hex(3)}"
    docker("network", "create", *OF_THIS_RUN, name)
    yield name
    docker("network", "rm", name)


@pytest.fixture
def proxy(network: str, tmp_path: Path) -> Iterator[str]:
    """The proxy's container, as examples/compose runs it; its name."""
    (tmp_path / "main.py").write_text(FUNCTIONS)
    (tmp_path / "cerebrium.toml").write_text(TOML.format(network=network))
    tmp_path.chmod(0o755)
    options = [*OF_THIS_RUN, "--name", network, "--network", network, "--publish", "127.0.0.1::8000"]
    options += ["--group-add", str(SOCKET.stat().st_gid), "--volume", f"{SOCKET}:{SOCKET}"]
    options += ["--volume", f"{tmp_path}:/apps/own:ro", "--env", "TIDEGATE_ADMIN_KEY=word"]
    serve = ["up", "--backend", "docker", "--host", "0.0.0.0", "--admin-host", "0.0.0.0", "/apps/own"]
    docker("run", "--detach", *options, built("proxy"), *serve)
    yield network
    docker("rm", "--force", network)
    for left in replicas():
        docker("rm", "--force", left)


def replicas() -> list[str]:
    return docker("ps", "--all", "--quiet", "--filter", "label=tidegate.app=e2e-own").split()


def asked(proxy: str) -> str:
    """What a client on the host gets; "" as long as nobody answers."""
    address = docker("port", proxy, "8000").splitlines()[0]
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{address}/where", b"{}"), timeout=120) as answer:
            return str(json.load(answer)["result"])
    except ConnectionError:
        return ""


def test_the_proxy_runs_from_its_image_and_starts_replicas_beside_itself(proxy: str) -> None:
    eventually(lambda: "serving e2e-own" in docker("logs", proxy))
    where = asked(proxy)
    (replica,) = replicas()
    assert replica.startswith(where)
    assert docker("exec", proxy, "id", "-un") == "tidegate"
    check = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", proxy))
    assert docker("exec", proxy, *check[1:]) == ""
    docker("stop", "--time", "30", proxy)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", proxy) == "0"
    assert replicas() == []


def test_a_socket_that_the_proxy_may_not_use_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FUNCTIONS)
    (tmp_path / "cerebrium.toml").write_text(TOML.format(network="bridge"))
    tmp_path.chmod(0o755)
    mounts = ["--volume", f"{SOCKET}:{SOCKET}", "--volume", f"{tmp_path}:/apps:ro"]
    mounts += ["--env", "TIDEGATE_ADMIN_KEY=word"]
    ended = subprocess.run(
        ["docker", "run", "--rm", *OF_THIS_RUN, *mounts, built("proxy")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    (_, mistake) = ended.stderr.splitlines()  # the first line warns of a key in the clear
    assert mistake.startswith("tidegate: no permission to use the Docker Engine at unix:///")


def test_the_runtime_is_copied_into_an_image_of_ones_own(tmp_path: Path) -> None:
    lines = [f"FROM {BASE_IMAGE}", f"COPY --from={built('runtime')} /opt/tidegate /opt/tidegate"]
    (tmp_path / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "--quiet", "--tag", "tidegate-test-copied", str(tmp_path))
    try:
        assert "tidegate" in docker(
            "run", "--rm", *OF_THIS_RUN, "tidegate-test-copied", "/opt/tidegate/bin/tidegate", "--help"
        )
    finally:
        docker("image", "rm", "--force", "tidegate-test-copied")

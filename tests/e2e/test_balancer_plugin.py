"""A balancer from a package of its own, found by its entry point and obeyed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest

DEADLINE_SECONDS = 20
PLUGIN = Path(__file__).parents[2] / "examples/balancer-plugin"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """As after `pip install examples/balancer-plugin`, without the time that takes."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site/tidegate_newest_first-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["tidegate.balancers"] | {"broken": "no_such_module:Broken"}
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[tidegate.balancers]\n{lines}")
    return os.environ | {"PYTHONPATH": f"{info.parent}:{PLUGIN}", "TIDEGATE_STATE": str(tmp_path / "state")}


class SaysItsPort(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = str(self.connection.getsockname()[1]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SaysItsPort) as http:
        Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield http.server_port
        http.shutdown()


def write_app(folder: Path, balancer: str, ports: list[int]) -> Path:
    replicas = [f"127.0.0.1:{port}" for port in ports]
    (folder / "cerebrium.toml").write_text(f"""
[cerebrium.deployment]
name = "demo"
[cerebrium.scaling]
load_balancing_algorithm = "{balancer}"
[tidegate.static]
replicas = {json.dumps(replicas)}
""")
    return folder


def tidegate(command: str, app: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "proxy", command, str(app), *options]


def up(app: Path) -> list[str]:
    return tidegate("up", app, "--backend", "static", "--port", "0", "--admin-port", "0")


@contextmanager
def served(app: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The URLs of the data port and the admin port."""
    with subprocess.Popen(up(app), env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            data, admin = re.findall(r"http://[\d.:]+", process.stdout.readline())
            yield data, admin
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def run(argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)


def get(url: str) -> str:
    with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
        return str(answer.read().decode())


def wait_until_ready(admin: str, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while get(f"{admin}/api/apps/demo").count('"ready"') < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_choice_of_a_plugin_is_obeyed(tmp_path: Path, environment: dict[str, str]) -> None:
    with ExitStack() as stack:
        ports = [stack.enter_context(server()) for _ in range(3)]
        data, admin = stack.enter_context(served(write_app(tmp_path, "newest-first", ports), environment))
        wait_until_ready(admin, count=3)
        app = json.loads(get(f"{admin}/api/apps/demo"))
        assert app["balancer"] == "newest-first"
        assert {f"127.0.0.1:{get(data)}" for _ in range(6)} == {app["replicas"][-1]["address"]}


def test_a_plugin_that_cannot_be_loaded_is_one_sentence(tmp_path: Path, environment: dict[str, str]) -> None:
    ended = run(up(write_app(tmp_path, "broken", [1])), environment)
    assert ended.returncode == 2
    assert "balancer broken (no_such_module:Broken) cannot be loaded: No module named" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_check_names_an_unknown_balancer_and_the_nearest_known_one(tmp_path: Path, environment: dict[str, str]) -> None:
    ended = run(tidegate("check", write_app(tmp_path, "newest-frist", [1])), environment)
    assert ended.returncode == 1
    assert re.search(r'load_balancing_algorithm .*newest-first.*did you mean "newest-first"', ended.stdout)

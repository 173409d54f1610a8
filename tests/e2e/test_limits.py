from __future__ import annotations

import http.client
import re
import shlex
import shutil
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from tests.e2e import running as running_module
from tests.e2e.running import TIDEGATE, Up, eventually, running, write_app

CLIENTS = 64  # what a limit of 256 open files leaves


@pytest.fixture(name="start_by")
def start_by_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Start Tidegate by shell commands that end in its own command."""

    def start_by(commands: str) -> None:
        script = tmp_path / "start"
        script.write_text(f'#!/bin/sh\n{commands} {shlex.quote(TIDEGATE)} "$@"\n')
        script.chmod(0o755)
        monkeypatch.setattr(running_module, "TIDEGATE", str(script))

    return start_by


class Client:
    """A connection that is kept."""

    def __init__(self, up: Up) -> None:
        host, port = up.url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=10)

    def get(self) -> int:
        self._socket.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        return self.status()

    def status(self) -> int:
        with http.client.HTTPResponse(self._socket) as response:
            response.begin()
            response.read()
            return response.status

    def close(self) -> None:
        self._socket.close()


def test_connections_over_the_limit_of_open_files_are_refused_in_words(
    tmp_path: Path, start_by: Callable[[str], None]
) -> None:
    start_by("ulimit -n 256; exec")
    with running(write_app(tmp_path / "app")) as up:
        with ExitStack() as kept:
            clients = [kept.enter_context(closing(Client(up))) for _ in range(CLIENTS + 3)]
            assert [client.status() for client in clients[CLIENTS:]] == [503] * 3
            assert {client.get() for client in clients[:CLIENTS]} == {200}
        eventually(lambda: up.get("/").status == 200)


def test_running_out_of_open_files_while_accepting_is_survived(tmp_path: Path, start_by: Callable[[str], None]) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace makes accept4 fail: apt-get install strace")
    trace = tmp_path / "trace"
    start_by(f"exec strace -D -o {trace} -e trace=accept4 -e inject=accept4:error=EMFILE:when=1..3")
    with running(write_app(tmp_path / "app")) as up:
        eventually(lambda: answered(up))
        assert len(re.findall("INJECTED", trace.read_text())) == 3


def answered(up: Up) -> bool:
    try:
        with closing(Client(up)) as client:
            return client.get() == 200
    except OSError:
        return False


def test_a_replica_keeps_the_limit_that_the_proxy_was_given(tmp_path: Path, start_by: Callable[[str], None]) -> None:
    start_by("ulimit -S -n 300; exec")
    write_app(tmp_path)
    with running(tmp_path) as up:
        assert up.get("/").status == 200
        (replica,) = up.view()["replicas"]
        assert psutil.Process(replica["pid"]).rlimit(psutil.RLIMIT_NOFILE)[0] == 300
        assert psutil.Process(up.process.pid).rlimit(psutil.RLIMIT_NOFILE)[0] > 300

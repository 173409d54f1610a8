"""The function server as a real process with real sockets."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 20.0

MAIN = """
import asyncio, os, sys, time
import runtime, proxy

def hello(name: str = "world"):
    print("greeting", name)
    return f"Hello, {name}!"

def names():
    return [runtime.NAME, proxy.NAME]

def hold(until: str):
    while not os.path.exists(until):
        time.sleep(0.01)
    return "done"

async def wait(marker: str):
    try:
        open(marker + "-begun", "w").close()
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        open(marker, "w").close()
        raise

def tokens(marker: str):
    try:
        open(marker + "-begun", "w").close()
        while True:
            time.sleep(0.01)
            yield "token"
    finally:
        open(marker, "w").close()

def broken():
    yield 1
    raise ValueError("no more")

def leave():
    sys.exit(1)
"""


class Process:
    """A function server and its log."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.log = folder / "log"
        self.clients: list[HTTPConnection | socket.socket] = []
        self.started_at = time.monotonic()
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "runtime.serve", *arguments],
                cwd=folder,
                env={**os.environ, "PORT": "0", "MAX_CONCURRENT_TASKS": "4", **environment},
                stdout=log,
                stderr=log,
            )

    def port(self) -> int:
        _eventually(lambda: "Listening on" in self.log.read_text())
        return int(self.log.read_text().partition("127.0.0.1:")[2].partition(".\n")[0])

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        connection = self._send("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def post(self, path: str, **arguments: object) -> HTTPConnection:
        return self._send("POST", path, json.dumps(arguments))

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port()), timeout=SECONDS)
        self.clients.append(client)
        return client

    def call(self, path: str, **arguments: object) -> tuple[int, dict[str, object]]:
        response = self.post(path, **arguments).getresponse()
        return response.status, json.loads(response.read())

    def ready(self) -> Process:
        _eventually(lambda: self.get("/ready")[0] == 200)
        return self

    def exit_code(self) -> int:
        return self.popen.wait(timeout=SECONDS)

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        for client in self.clients:
            client.close()

    def _send(self, method: str, path: str, body: str | None = None) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self.port(), timeout=SECONDS)
        self.clients.append(connection)
        connection.request(method, path, body)
        return connection


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Process] = []

    def begin(
        main: str | None, *arguments: str, taken_names: tuple[str, ...] = ("runtime", "proxy"), **environment: str
    ) -> Process:
        if main is not None:
            (tmp_path / "main.py").write_text(main)
        for name in taken_names:
            (tmp_path / f"{name}.py").write_text(f"NAME = 'my own {name}'\n")
        running.append(Process(tmp_path, *arguments, **environment))
        return running[-1]

    yield begin
    for process in running:
        process.close()


def _eventually(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_hello_is_ready_soon(start: Start) -> None:
    server = start((ROOT / "examples" / "hello" / "main.py").read_text()).ready()
    seconds = time.monotonic() - server.started_at
    spent = psutil.Process(server.popen.pid).cpu_times()
    sys.stdout.write(f"ready after {seconds * 1000:.0f} ms\n")
    assert spent.user + spent.system < 1  # a busy machine takes longer, but no more of its time
    assert seconds < 5
    assert server.call("/hello", name="Ada")[1]["result"] == "Hello, Ada!"


def test_users_own_modules_may_be_named_like_ours(start: Start) -> None:
    server = start(MAIN).ready()
    assert server.call("/names")[1]["result"] == ["my own runtime", "my own proxy"]


def test_probes_are_answered_while_main_loads(start: Start) -> None:
    server = start("import time\ntime.sleep(60)")
    assert server.get("/health") == (200, {"healthy": True})
    assert server.get("/ready") == (503, {"ready": False, "reason": "main.py is still loading"})
    assert server.call("/hello")[0] == 503
    server.popen.terminate()
    assert server.exit_code() == 0


def test_failing_import_shows_its_traceback_and_exits_with_3(start: Start) -> None:
    server = start("import threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()\nimport nowhere")
    assert server.exit_code() == 3
    assert server.log.read_text().endswith("ModuleNotFoundError: No module named 'nowhere'\n")


@pytest.mark.parametrize(
    ("main", "arguments", "environment", "words"),
    [
        (None, [], {}, "has no main.py"),
        ("", ["--", "vllm"], {}, "takes no arguments"),
        ("", [], {"PORT": "http"}, "PORT is 'http'"),
        ("", [], {"TIDEGATE_HOST": "192.0.2.1"}, "Cannot listen on 192.0.2.1 port 0"),
        ("", [], {"MAX_CONCURRENT_TASKS": "0"}, "MAX_CONCURRENT_TASKS is '0'"),
    ],
)
def test_mistake_is_one_sentence(
    start: Start, main: str | None, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    server = start(main, *arguments, **environment)
    assert server.exit_code() == 2
    (line,) = server.log.read_text().splitlines()
    assert words in line


def holding(server: Process, until: Path) -> HTTPConnection:
    """A call that runs until there is that file."""
    client = server.post("/hold", until=str(until))
    _eventually(lambda: "POST /hold" in server.log.read_text())
    return client


def test_sigterm_lets_running_calls_finish_and_closes_idle_connections(start: Start, tmp_path: Path) -> None:
    server = start(MAIN).ready()
    idle, running = server.connect(), holding(server, tmp_path / "enough")
    server.popen.terminate()
    assert idle.recv(1) == b""
    (tmp_path / "enough").touch()
    response = running.getresponse()
    assert (response.status, response.headers["connection"]) == (200, "close")
    assert json.loads(response.read())["result"] == "done"
    assert server.exit_code() == 0
    with pytest.raises(ConnectionRefusedError):
        server.get("/ready")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_exits_at_once(start: Start, tmp_path: Path, second: signal.Signals) -> None:
    server = start(MAIN).ready()
    idle = server.connect()
    holding(server, tmp_path / "never")
    server.popen.terminate()
    assert idle.recv(1) == b""  # the first has been taken: two that are the same may else become one
    server.popen.send_signal(second)
    assert server.exit_code() == 128 + second


@pytest.mark.parametrize("function", ["wait", "tokens"])
def test_client_that_half_closes_ends_the_call(start: Start, tmp_path: Path, function: str) -> None:
    server, marker = start(MAIN).ready(), tmp_path / "ended"
    client = server.post(f"/{function}", marker=str(marker))
    assert client.sock is not None
    _eventually((tmp_path / "ended-begun").exists)
    client.sock.shutdown(socket.SHUT_WR)
    _eventually(marker.exists)


def test_connection_of_a_gone_client_stays_until_its_thread_has_ended(start: Start, tmp_path: Path) -> None:
    server = start(MAIN).ready()
    client = holding(server, tmp_path / "enough")
    assert client.sock is not None
    client.sock.shutdown(socket.SHUT_WR)
    assert select.select([client.sock], [], [], 0.3)[0] == []
    (tmp_path / "enough").touch()
    assert client.sock.recv(1) == b""


def test_broken_stream_ends_with_an_error_and_a_cut(start: Start) -> None:
    server = start(MAIN).ready()
    with server.connect() as client:
        client.sendall(b"POST /broken HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        received = b""
        while data := client.recv(65536):
            received += data
    assert b"event: error\ndata: {" in received
    assert not received.endswith(b"0\r\n\r\n")
    assert "ValueError: no more" in server.log.read_text()


def test_function_that_exits_fails_alone_and_prints_are_seen_at_once(start: Start) -> None:
    server = start(MAIN).ready()
    status, body = server.call("/leave")
    assert (status, body["error"]) == (500, {"type": "SystemExit", "message": "1"})
    assert server.call("/hello", name="Ada")[0] == 200
    _eventually(lambda: "greeting Ada" in server.log.read_text())


def test_huge_body_waits_for_the_servers_consent(start: Start) -> None:
    server, name = start(MAIN).ready(), "x" * 3_000_000
    body = json.dumps({"name": name}).encode()
    with server.connect() as client:
        head = f"POST /hello HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_example_takes_a_file_raw_or_in_a_form_and_answers_with_one(start: Start) -> None:
    server = start((ROOT / "examples" / "sound" / "main.py").read_text(), taken_names=()).ready()
    response = server.post("/tone", seconds=0.5).getresponse()
    sound = response.read()
    assert (response.getheader("content-type"), sound[:4]) == ("audio/wav", b"RIFF")
    form = b'--b\r\ncontent-disposition: form-data; name="sound"; filename="a"\r\n\r\n' + sound + b"\r\n--b--\r\n"
    for content_type, body in (("audio/wav", sound), ("multipart/form-data; boundary=b", form)):
        client = HTTPConnection("127.0.0.1", server.port(), timeout=SECONDS)
        server.clients.append(client)
        client.request("POST", "/loudness", body, {"content-type": content_type})
        assert json.loads(client.getresponse().read())["result"] == {"seconds": 0.5, "decibels": -11.7}


def test_lines_of_a_run_carry_its_id(start: Start) -> None:
    server = start(MAIN).ready()
    run_id = server.call("/hello", name="Ada")[1]["run_id"]
    _eventually(lambda: f"[{run_id}] greeting Ada\n" in server.log.read_text())
    assert f'[{run_id}] POST /hello {{"name": "Ada"}}\n' in server.log.read_text()

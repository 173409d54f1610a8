"""Asynchronous runs and webhooks, through a real proxy with a real function server behind it."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.e2e.running import Up, eventually, running

MAIN = """
import time

def slow(seconds: float = 0.5, run_id: str = ""):
    time.sleep(seconds)
    return run_id

def tokens():
    yield "a"
    yield "b"

def size(image: bytes):
    return len(image)

def wrong():
    raise ValueError("no")
"""


class Post:
    """What a webhook got."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.path = handler.path
        self.headers = dict(handler.headers.items())
        self.body = handler.rfile.read(int(handler.headers["content-length"]))


class Receiver(ThreadingHTTPServer):
    """Answers 404 to the first post to /late, and 200 to everything else."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def address(self, path: str) -> str:
        return quote(f"http://127.0.0.1:{self.server_port}{path}", safe="")


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.posts.append(Post(self))
        late = self.path == "/late" and len(self.server.posts) == 1
        self.send_response(404 if late else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Client:
    def __init__(self, up: Up) -> None:
        self.up = up

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        address = urlsplit(self.up.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, content

    def begin(self, path: str, body: bytes = b"{}", **headers: str) -> str:
        status, content = self.ask("POST", path, body, **headers)
        assert status == 202, content
        run_id = json.loads(content)["run_id"]
        assert isinstance(run_id, str)
        return run_id

    def run(self, run_id: str) -> Any:  # JSON documents are of any type
        status, content = self.ask("GET", f"/runs/{run_id}")
        assert status == 200, content
        return json.loads(content)

    def ended(self, run_id: str) -> Any:
        eventually(lambda: self.run(run_id)["status"] != "running")
        return self.run(run_id)


@contextmanager
def serving(folder: Path, toml: str = "") -> Iterator[Client]:
    (folder / "main.py").write_text(MAIN)
    name = '[cerebrium.deployment]\nname = "demo"\n[cerebrium.hardware]\ncompute = "CPU"\n'
    (folder / "cerebrium.toml").write_text(name + (toml or "[cerebrium.scaling]\nreplica_concurrency = 1\n"))
    with running(folder) as up:
        yield Client(up)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path / "state"))
    with serving(tmp_path) as made:
        yield made


def test_run_is_promised_at_once_and_its_result_is_there_later(client: Client) -> None:
    run_id = client.begin("/slow?async=true", b'{"seconds": 2}')
    assert client.run(run_id)["status"] == "running"
    seen = client.ended(run_id)
    assert (seen["status"], seen["status_code"], seen["result"]) == ("completed", 200, run_id)


def test_runs_keep_to_the_limit_and_wait_in_the_queue(client: Client) -> None:
    runs = [client.begin("/slow?async=true", b'{"seconds": 0.1}') for _ in range(4)]
    assert client.up.view()["in_flight"] <= 1
    assert [client.ended(run_id)["status"] for run_id in runs] == ["completed"] * 4


def test_failed_and_raw_and_streamed_runs_are_kept_as_they_ended(client: Client) -> None:
    failed = client.ended(client.begin("/wrong?async=true"))
    assert (failed["status"], failed["status_code"], failed["error"]["type"]) == ("failed", 500, "ValueError")
    raw = client.begin("/size?async=true", b"\x89" * 300_000, content_type="image/png")
    assert client.ended(raw)["result"] == 300_000
    assert client.ended(client.begin("/tokens?async=true"))["result"] == "data: a\n\ndata: b\n\n"


def test_webhook_gets_the_signed_answer_and_a_second_attempt(client: Client, receiver: Receiver) -> None:
    run_id = client.begin(f"/slow?async=true&webhookEndpoint={receiver.address('/late')}", x_webhook_secret="s")
    eventually(lambda: "webhook" in client.run(run_id))
    assert client.run(run_id)["webhook"] == {"delivered": True, "attempts": 2, "last": "answered 200"}
    post = receiver.posts[1]
    timestamp = post.headers["X-Cerebrium-Webhook-Timestamp"]
    signed = hmac.new(b"s", f"{run_id}.{timestamp}.".encode() + post.body, hashlib.sha256).hexdigest()
    assert post.headers["X-Request-Id"] == run_id
    assert post.headers["X-Cerebrium-Webhook-Signature"] == f"v1,{signed}"
    assert json.loads(post.body)["result"] == run_id


def test_client_that_waits_gets_the_stream_and_the_webhook_a_copy(client: Client, receiver: Receiver) -> None:
    status, content = client.ask("POST", f"/tokens?webhookEndpoint={receiver.address('/copy')}", b"{}")
    assert (status, content) == (200, b"data: a\n\ndata: b\n\n")
    eventually(lambda: receiver.posts)
    assert receiver.posts[0].body == content
    assert receiver.posts[0].headers["Content-Type"] == "text/event-stream"


def test_drain_waits_for_runs_and_another_proxy_knows_their_results(client: Client, tmp_path: Path) -> None:
    runs = [client.begin("/slow?async=true", b'{"seconds": 0.4}') for _ in range(3)]
    assert client.up.end() == 0
    with serving(tmp_path) as another:
        assert [another.run(run_id)["status"] for run_id in runs] == ["completed"] * 3


def test_second_signal_interrupts_runs_and_leaves_nothing_open(client: Client, tmp_path: Path) -> None:
    run_id = client.begin("/slow?async=true", b'{"seconds": 30}')
    client.up.process.terminate()
    eventually(lambda: "a second signal stops at once" in client.up.log())
    assert client.up.end() == 143
    assert "Unclosed" not in client.up.log()
    with serving(tmp_path) as another:
        assert another.run(run_id)["error"]["type"] == "interrupted"


def test_run_of_a_killed_proxy_was_interrupted(client: Client, tmp_path: Path) -> None:
    run_id = client.begin("/slow?async=true", b'{"seconds": 30}')
    client.up.process.kill()
    client.up.process.wait()
    with serving(tmp_path) as another:
        assert another.run(run_id)["error"]["type"] == "interrupted"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/slow?async=true&webhookEndpoint=ftp://x", 400),
        ("GET", "/runs/0123456789abcdef0123456789abcdef", 404),
    ],
)
def test_mistakes_are_told(client: Client, method: str, path: str, status: int) -> None:
    seen, content = client.ask(method, path)
    assert seen == status
    assert set(json.loads(content)["error"]) == {"type", "message", "request_id"}


def test_no_more_runs_are_promised_than_the_queue_could_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_STATE", str(tmp_path / "state"))
    toml = "[cerebrium.scaling]\nreplica_concurrency = 1\n[tidegate.queue]\nmax_length = 1\n"
    with serving(tmp_path, toml) as client:
        assert client.ask("POST", "/slow", b'{"seconds": 0}')[0] == 200
        body = b'{"seconds": 1}'
        answers = [client.ask("POST", "/slow?async=true", body) for _ in range(5)]
        assert [status for status, _ in answers] == [202, 202, 429, 429, 429]
        runs = [json.loads(content)["run_id"] for status, content in answers if status == 202]
        assert [client.ended(run_id)["status"] for run_id in runs] == ["completed"] * 2

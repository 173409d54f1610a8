"""How `tidegate up` ends, and how it ends its replicas."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.running import Up, events, eventually, running, write_app

ONE_EACH = "[cerebrium.scaling]\nreplica_concurrency = 1\n"
SHORTEST_GRACE = "[cerebrium.scaling]\nresponse_grace_period = 16\n"


@contextmanager
def connected(up: Up) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(up.url.removeprefix("http://"), timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def requests_inside(folder: Path, count: int) -> None:
    eventually(lambda: len(events(folder, "request")) == count)


def processes_of(folder: Path) -> list[psutil.Process]:
    """The fake servers of the app in `folder`."""
    mark = f"events={folder / 'events'}"
    return [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_and_waits_is_finished_and_each_replica_gets_one_sigterm(
    tmp_path: Path, number: signal.Signals
) -> None:
    write_app(tmp_path, ONE_EACH + "max_replicas = 2", server="start=0.1")
    with running(tmp_path) as up, connected(up) as kept:
        kept.request("GET", "/")
        kept.getresponse().read()
        asked = [up.later("/sleep/0.5") for _ in range(5)]
        requests_inside(tmp_path, 3)
        up.process.send_signal(number)
        eventually(lambda: "finishing what runs" in up.log())
        assert kept.sock is not None
        assert kept.sock.recv(1) == b""
        with pytest.raises(ConnectionRefusedError), connected(up) as late:
            late.connect()
        assert [answer.result().status for answer in asked] == [200] * 5
        assert up.process.wait(10) == 0
    assert sorted(events(tmp_path, "term")) == sorted(events(tmp_path, "start"))
    assert "Traceback" not in up.log()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_kills_all_at_once(tmp_path: Path, number: signal.Signals, code: int) -> None:
    custom = 'readycheck_endpoint = "/ready"\n'
    write_app(tmp_path, custom + ONE_EACH + "min_replicas = 2\nmax_replicas = 3", server="term=ignore")
    with running(tmp_path) as up:
        up.get_all(["/sleep/0.1"] * 3)  # by connections that are kept: over those, the next may go a second time
        asked = [up.later("/hang") for _ in range(3)]
        requests_inside(tmp_path, 6)
        up.process.send_signal(signal.SIGTERM)
        eventually(lambda: "finishing what runs" in up.log())
        assert up.end(number) == code
        assert all(request.exception() or request.result().status == 502 for request in asked)
        eventually(lambda: processes_of(tmp_path) == [])
        assert "Traceback" not in up.log()
        assert '"error"' not in up.log()


def test_nothing_is_left_of_a_killed_proxy(tmp_path: Path) -> None:
    write_app(tmp_path, "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2", server="term=ignore")
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        assert len(processes_of(tmp_path)) == 2
        up.process.kill()
        eventually(lambda: processes_of(tmp_path) == [])


def test_a_replica_that_is_still_starting_is_given_up_at_once(tmp_path: Path) -> None:
    write_app(tmp_path, "[cerebrium.scaling]\nmin_replicas = 1", server="start=60")
    with running(tmp_path) as up:
        eventually(lambda: events(tmp_path, "start"))
        began = time.monotonic()
        assert up.end() == 0
        assert time.monotonic() - began < 10


def test_a_replica_that_ignores_sigterm_and_a_client_that_never_ends_cost_the_grace_period_once(tmp_path: Path) -> None:
    stubborn = write_app(tmp_path / "stubborn", SHORTEST_GRACE + "cooldown = 0", server="term=ignore")
    hanging = write_app(tmp_path / "hanging", SHORTEST_GRACE, server="term=die")
    reading = write_app(tmp_path / "reading", SHORTEST_GRACE)
    with ExitStack() as stack:
        ups = [stack.enter_context(running(folder)) for folder in (stubborn, hanging, reading)]
        assert ups[0].get("/").status == 200
        asked = ups[1].later("/hang")
        sockets = [stack.enter_context(never_reading(ups[2], 300_000 * size)) for size in range(1, 15)]
        requests_inside(hanging, 1)
        requests_inside(reading, len(sockets))
        began = time.monotonic()
        for up in ups:
            up.process.send_signal(signal.SIGTERM)
        assert [up.process.wait(30) for up in ups] == [0, 0, 0]
        assert 15 < time.monotonic() - began < 30
        assert (asked.result().status, asked.result().json["error"]["type"]) == (504, "gateway_timeout")
        assert "is killed: it ran for 16 s after SIGTERM" in ups[0].log()
        assert processes_of(stubborn) == []


@contextmanager
def never_reading(up: Up, count: int) -> Iterator[None]:
    """A client that asks for `count` bytes and takes only what its small buffer holds."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = up.url.removeprefix("http://").rpartition(":")
        client.connect((host, int(port)))
        client.sendall(b"GET /bytes/%d HTTP/1.1\r\nhost: a\r\n\r\n" % count)
        yield


def test_when_idle_waits_for_the_last_request_of_a_server_that_dies_on_sigterm(tmp_path: Path) -> None:
    scaling = ONE_EACH + "max_replicas = 2\ncooldown = 0\nevaluation_interval = 6\n"
    write_app(tmp_path, scaling + '[tidegate.drain]\nsigterm = "when-idle"', server="term=die")
    with running(tmp_path) as up:
        answers = [up.later("/sleep/1"), up.later("/sleep/1")]
        assert [answer.result().status for answer in answers] == [200, 200]
        eventually(lambda: up.states() == [])
        # Two, or on a busy machine one more that was given back before it had a request.
        assert sorted(events(tmp_path, "term")) == sorted(events(tmp_path, "start"))

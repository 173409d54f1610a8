"""tidegate up: requests start replicas, are limited, queued, balanced, and the replicas go again."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from tests.e2e.running import FAKE_SERVER, Up, events, eventually, running, write_app
from tests.e2e.test_request_log import lines

ONE_EACH = "[cerebrium.scaling]\nreplica_concurrency = 1\n"
PROBES = "[tidegate.probes]\ninterval_seconds = 0.2\n"


def test_it_says_what_it_serves_and_where(tmp_path: Path) -> None:
    with running(write_app(tmp_path)) as up:
        assert re.fullmatch(
            r"tidegate: serving demo on http://127\.0\.0\.1:\d+ \(admin http://127\.0\.0\.1:\d+\)", up.announced
        )
        assert up.get("/x").json["path"] == "/x"


def test_a_hundred_requests_at_once_from_zero_use_all_replicas_and_never_two_in_one(tmp_path: Path) -> None:
    write_app(tmp_path, ONE_EACH + "max_replicas = 10", server="start=0.2")
    with running(tmp_path) as up:
        answers = up.get_all(["/sleep/0.3"] * 100)
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["most"] for answer in answers} == {1}
    assert len({answer.json["pid"] for answer in answers}) == 10
    assert max(answer.seconds for answer in answers) < 15  # one after the other would take 30 s


def test_an_idle_app_goes_to_zero_and_comes_back(tmp_path: Path) -> None:
    write_app(tmp_path, "[cerebrium.scaling]\ncooldown = 1\nevaluation_interval = 6")
    with running(tmp_path) as up:
        first = up.get("/")
        eventually(lambda: up.view()["replicas"] == [])
        second = up.get("/")
        assert first.json["pid"] != second.json["pid"]
        assert "cold;dur=" in second.headers["server-timing"]
        assert events(tmp_path, "term") == [str(first.json["pid"])]


def moments(up: Up, said: str) -> list[datetime]:
    """When lines about replicas' lives said that."""
    return [datetime.fromisoformat(line["time"]) for line in lines(up, "tidegate.lifecycle") if said in line["message"]]


def test_a_crashed_replica_is_replaced_with_growing_pauses(tmp_path: Path) -> None:
    write_app(tmp_path, "[cerebrium.scaling]\nmin_replicas = 1")
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready"])
        assert up.get("/exit/7").status == 502
        assert up.get("/exit/7").status == 502
        again = up.get("/")
        assert [str(again.json["pid"])] == events(tmp_path, "start")[2:]
        failed, started = moments(up, "failed: exited with code 7"), moments(up, " started at ")
        at_once, a_second = (again - end for end, again in zip(failed, started[1:], strict=True))
        assert at_once < timedelta(seconds=0.9) <= a_second < timedelta(seconds=1.9)
        assert '"message":"last words","app":"demo","replica":"demo-' in up.log()


def test_an_app_that_cannot_start_is_answered_503_with_its_last_words_until_it_is_mended(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    server = f"exec {sys.executable} -I -S {FAKE_SERVER} $PORT"
    script = f"echo start >> {tmp_path}/starts; test -e {broken} && echo no weights && exit 3; {server}"
    write_app(tmp_path, entrypoint=f"sh -c '{script}'")
    with running(tmp_path) as up:
        answer = up.get("/")
        error = answer.json["error"]
        assert (answer.status, error["type"]) == (503, "no_replica")
        assert error["message"] == "no replica of demo can be started: exited with code 3\nno weights"
        assert answer.seconds < 15
        assert up.get("/").status == 503
        assert len((tmp_path / "starts").read_text().split()) == 2
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        broken.unlink()
        eventually(lambda: up.get("/").status == 200)


def test_what_finds_the_queue_full_or_waits_too_long_never_reaches_a_replica(tmp_path: Path) -> None:
    write_app(tmp_path, ONE_EACH + "min_replicas = 1\n[tidegate.queue]\nmax_length = 2\ntimeout_seconds = 1.5")
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready"])
        assert up.get("/").status == 200
        answers = up.get_all(["/sleep/4"] * 5)
        assert Counter(answer.status for answer in answers) == {200: 1, 504: 2, 429: 2}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status != 200)
        assert up.get("/").status == 200
        assert len(events(tmp_path, "request")) == 3


def test_apps_are_found_by_prefix_host_and_name(tmp_path: Path) -> None:
    one = write_app(tmp_path / "one", '[tidegate.routing]\nprefix = "/one"', name="one")
    two = write_app(tmp_path / "two", '[tidegate.routing]\nhosts = ["two.example"]', name="two")
    with running(tmp_path, one, two) as up:
        assert up.announced.startswith("tidegate: serving one, two on ")
        for path, host, app, inside in [
            ("/one/a", "elsewhere", "one", "/a"),
            ("/b", "two.example:80", "two", "/b"),
            ("/v4/p-1/two/c", "elsewhere", "two", "/c"),
        ]:
            said = up.get(path, Host=host).json
            assert (said["path"], said["replica"].rsplit("-", 1)[0]) == (inside, app)
        assert up.get("/nothing").status == 404


def test_a_replica_that_says_it_is_not_ready_gets_no_traffic(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text('200 {"ready": false}')
    custom = 'readycheck_endpoint = "/ready"\n'
    write_app(tmp_path, custom + PROBES, server=f"ready={ready}")
    with running(tmp_path) as up:
        waiting = up.later("/")
        eventually(
            lambda: [r["last_probe"] for r in up.view()["replicas"]] == ['/ready answered 200, but says "ready": false']
        )
        assert up.states() == ["starting"]
        ready.write_text("200 ok")
        assert waiting.result().status == 200
        for content, state in [("503 loading", "unready"), ("200 ok", "ready"), ("404 ", "unready"), ("204 ", "ready")]:
            ready.write_text(content)
            eventually(partial(lambda wanted: up.states() == [wanted], state))
        assert len(events(tmp_path, "start")) == 1
        assert "/ready answered 503: loading" in up.log()


def test_a_refused_connection_marks_a_replica_unready_and_a_probe_revives_it(tmp_path: Path) -> None:
    write_app(tmp_path, "[tidegate.probes]\ninterval_seconds = 60")
    with running(tmp_path) as up:
        assert up.get("/refuse/2").status == 200
        answer = up.get("/")
        assert answer.status == 200
        assert 0.5 < answer.seconds < 20  # long before the next probe was due
        assert len(events(tmp_path, "start")) == 1
        assert "is ready again" in up.log()


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """A server that is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    argv = [sys.executable, "-I", "-S", FAKE_SERVER, str(port), f"events={folder / 'events'}"]
    with subprocess.Popen(argv) as process:
        try:
            yield port
        finally:
            process.kill()


def test_a_static_replica_is_used_and_outlives_the_proxy(tmp_path: Path) -> None:
    with server(tmp_path) as port:
        write_app(tmp_path, ONE_EACH + f'[tidegate.static]\nreplicas = ["127.0.0.1:{port}"]')
        with running(tmp_path, tmp_path, "--backend", "static") as up:
            answers = up.get_all(["/sleep/0.1"] * 5)
            assert {(answer.status, answer.json["most"]) for answer in answers} == {(200, 1)}
            assert up.view()["replicas"][0]["address"] == f"127.0.0.1:{port}"
            assert up.end() == 0
        assert events(tmp_path, "term") == []
        assert len(events(tmp_path, "start")) == 1


def test_the_admin_port_answers_beside_the_data_port(tmp_path: Path) -> None:
    with running(write_app(tmp_path)) as up:
        up.url = up.admin
        answers = up.get_all(["/healthz", "/readyz", "/metrics", "/api/apps", "/api/apps/nobody"])
        assert [answer.status for answer in answers] == [200, 200, 200, 200, 404]

"""A configuration that changes while it is served: no request is lost, and what does not work is taken back."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.running import TIDEGATE, Up, events, eventually, running, write_app

TWO = "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2\nreplica_concurrency = 4\n"


def env(value: str) -> str:
    return f"[tidegate.env]\nMODEL = '{value}'\n"


def reload(up: Up, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TIDEGATE, "reload", "--admin", up.admin, *words], capture_output=True, text=True, check=False
    )


def pids(up: Up, app: str = "demo") -> set[int]:
    return {replica["pid"] for replica in up.view(app)["replicas"] if replica["state"] == "ready"}


def revision(up: Up) -> Any:  # a JSON document
    return up.view()["revision"]


def served_by(up: Up, count: int) -> set[int]:
    eventually(lambda: up.states() == ["ready"] * count)
    return pids(up)


@contextmanager
def load(up: Up, path: str = "/sleep/0.02", clients: int = 4) -> Iterator[Counter[str]]:
    """What clients were answered who ask all the time, each over connections of its own."""
    answers: Counter[str] = Counter()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                with urlopen(up.url + path, timeout=20) as response:
                    response.read()
                    answers[str(response.status)] += 1
            except OSError as error:
                answers[str(error)] += 1

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_settings_of_the_proxy_change_no_replica(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        before = served_by(up, 2)
        write_app(tmp_path, TWO.replace("max_replicas = 2", "max_replicas = 5") + "[tidegate.queue]\nmax_length = 7")
        done = reload(up)
        assert done.stdout == "demo: queue.max_length, scaling.max_replicas changed; revision 1 is in service\n"
        view = up.view()
        assert (view["queue"]["limit"], view["scaling"]["max"]) == (7, 5)
        assert pids(up) == before
        write_app(tmp_path, TWO.replace("= 2", "= 3"))
        up.process.send_signal(signal.SIGHUP)
        assert before < served_by(up, 3)
        assert events(tmp_path, "term") == []


def test_keys_are_wanted_from_the_reload_on_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    added = [TIDEGATE, "keys", "add", "ann", "--keys", str(file)]
    key = subprocess.run(added, check=True, capture_output=True, text=True).stdout.split()[-1]
    toml = write_app(tmp_path, TWO) / "cerebrium.toml"
    with running(tmp_path, tmp_path, "--keys", file) as up:
        before = served_by(up, 2)
        seen = [up.get("/").status]
        for disabled in ("false", "true"):
            named = 'name = "demo"\n'
            write_app(tmp_path, TWO)
            toml.write_text(toml.read_text().replace(named, f"{named}disable_auth = {disabled}\n"))
            assert reload(up).returncode == 0
            seen += [up.get("/").status, up.get("/", authorization=f"Bearer {key}").status]
        assert seen == [200, 401, 200, 200, 200]
        assert pids(up) == before


def test_a_lower_limit_holds_at_once_and_for_the_replicas_of_before(tmp_path: Path) -> None:
    one = "[cerebrium.scaling]\nmin_replicas = 1\nmax_replicas = 1\nreplica_concurrency = "
    write_app(tmp_path, one + "4")
    with running(tmp_path) as up:
        served_by(up, 1)
        slow = [up.later("/sleep/1.5") for _ in range(4)]
        eventually(lambda: up.view()["in_flight"] == 4)
        write_app(tmp_path, one + "1\n")
        assert reload(up).returncode == 0
        eventually(lambda: [one["limit"] for one in up.view()["replicas"]] == [1])
        after = up.get_all(["/sleep/0.1"] * 3)
        assert {answer.json["most"] for answer in after} == {1}
        assert [answer.result().status for answer in slow] == [200] * 4


def test_changed_replicas_roll_over_without_losing_a_request(tmp_path: Path) -> None:
    write_app(tmp_path, TWO + env("a"))
    with running(tmp_path) as up:
        before = served_by(up, 2)
        with load(up) as answers:
            for value in "bcd":
                write_app(tmp_path, TWO + env(value))
                assert reload(up, "--wait").returncode == 0
        assert list(answers) == ["200"], answers
        assert not before & served_by(up, 2)
        assert len(events(tmp_path, "start")) == 8
        assert revision(up) == {"number": 4, "state": "in service", "reason": ""}
        assert up.end() == 0
    assert len(events(tmp_path, "term")) == 8


def test_replicas_that_do_not_get_ready_are_rolled_back(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        before = served_by(up, 2)
        with load(up) as answers:
            write_app(tmp_path, TWO, server="start=x")
            done = reload(up, "--wait")
        assert done.returncode == 1
        assert "revision 2 was rolled back, revision 1 stays: exited with code 1" in done.stdout
        assert list(answers) == ["200"], answers
        assert served_by(up, 2) == before
        assert revision(up)["state"] == "rolled back"
        assert "roll-out: revision 2 was rolled back" in up.log()
        write_app(tmp_path, TWO, server="start=0.1")
        assert reload(up, "--wait").returncode == 0
        assert not before & served_by(up, 2)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("x =", "invalid TOML"),
        ("[tidegate.queue]\nmax_length = -1", "tidegate.queue.max_length is -1, but must be at least 0"),
        ("[tidegate]\nenv_file = 'gone'", "must name a file that can be read"),
        (None, "no such server"),
    ],
)
def test_a_mistake_changes_nothing(tmp_path: Path, broken: str | None, sentence: str) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        before = served_by(up, 2)
        if broken is None:
            write_app(tmp_path, TWO, entrypoint="no such server")
            sentence = "starts 'no', which is no program"
        else:
            write_app(tmp_path, TWO + broken)
        done = reload(up)
        assert done.returncode == 2
        assert sentence in done.stderr
        up.process.send_signal(signal.SIGHUP)
        eventually(lambda: "nothing is reloaded: " in up.log())
        assert sentence.replace('"', '\\"') in up.log()
        assert (pids(up), up.get("/").status) == (before, 200)


def test_a_renamed_app_is_another(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        before = served_by(up, 2)
        with load(up) as answers:
            eventually(lambda: answers["200"] > 5)
            write_app(tmp_path, TWO, name="other")
            assert reload(up).stdout == "other: is served from now on\ndemo: is not served any more, and drains\n"
            eventually(lambda: len(pids(up, "other")) == 2)
            eventually(lambda: "demo: is not served any more" in up.log() and len(events(tmp_path, "term")) == 2)
        assert list(answers) == ["200"], answers
        assert not before & pids(up, "other")
        assert up.get("/v4/local/other/").status == 200
        eventually(lambda: "error" in up.view("demo"))
        assert up.end() == 0


def test_changed_files_are_reloaded_by_themselves(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path, "--watch", tmp_path) as up:
        before = served_by(up, 2)
        (tmp_path / "model.py").write_text("a = 1")
        eventually(lambda: revision(up)["number"] == 2)
        eventually(lambda: not before & pids(up) and revision(up)["state"] == "in service")
        assert up.end() == 0


def test_without_room_replicas_are_replaced_one_by_one(tmp_path: Path) -> None:
    write_app(tmp_path, TWO + "[cerebrium.hardware]\ncpu = 1")
    with running(tmp_path, "--max-cpu", 2, tmp_path) as up:
        before = served_by(up, 2)
        with load(up) as answers:
            write_app(tmp_path, TWO + "[cerebrium.hardware]\ncpu = 1\n" + env("b"))
            assert reload(up, "--wait").returncode == 0
        assert list(answers) == ["200"], answers
        assert not before & served_by(up, 2)
        assert "makes way first" in up.log()
        write_app(tmp_path, TWO + "[cerebrium.hardware]\ncpu = 3")
        assert "cerebrium.hardware.cpu is 3, but --max-cpu is 2" in reload(up).stderr


def test_forecasts_and_policies_are_switched_on_and_off(tmp_path: Path) -> None:
    write_app(tmp_path, TWO)
    with running(tmp_path) as up:
        before = served_by(up, 2)
        for policy, predictive in (("load-thresholds", "true"), ("target", "false"), ("objective", "true")):
            write_app(tmp_path, TWO + f'[tidegate.scaling]\npolicy = "{policy}"\npredictive = {predictive}\n')
            done = reload(up)
            assert done.returncode == 0
        assert 'policy = "objective" takes effect when `tidegate up` is started again' in done.stdout
        assert up.get("/").status == 200
        assert pids(up) == before
        assert up.end() == 0
        assert "Traceback" not in up.log()


def test_a_page_of_another_origin_may_not_reload(tmp_path: Path) -> None:
    with running(write_app(tmp_path)) as up:
        request = Request(f"{up.admin}/api/reload", b"{}", {"origin": "http://elsewhere"}, method="POST")
        with pytest.raises(OSError, match="403"):
            urlopen(request, timeout=5)


def ready_at(up: Up, addresses: set[str]) -> bool:
    ready = {replica["address"] for replica in up.view("front")["replicas"] if replica["state"] == "ready"}
    return ready == addresses


def test_addresses_of_servers_join_and_leave(tmp_path: Path) -> None:
    serving = write_app(tmp_path / "serving", TWO)
    front = tmp_path / "front"
    front.mkdir()

    def listed(*addresses: str) -> None:
        (front / "cerebrium.toml").write_text(
            '[cerebrium.deployment]\nname = "front"\n[tidegate]\nbackend = "static"\n'
            f"[tidegate.static]\nreplicas = {list(addresses)}\n"
        )

    with running(serving) as behind:
        served_by(behind, 2)
        first, second = (replica["address"] for replica in behind.view()["replicas"])
        listed(first)
        with running(front) as up, load(up) as answers:
            for addresses in ((first, second), (second,), (first,)):
                listed(*addresses)
                assert reload(up).returncode == 0
                eventually(partial(ready_at, up, set(addresses)))
        assert list(answers) == ["200"], answers
        assert events(serving, "term") == []

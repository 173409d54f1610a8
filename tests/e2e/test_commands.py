"""The commands that see and change what a running up does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import FAKE_SERVER, TIDEGATE, Up, eventually, running, write_app
from tests.e2e.terminal import on_terminal
from tests.e2e.test_scaling import failed, tidegate

TWO = "[cerebrium.scaling]\nmin_replicas = 2\nmax_replicas = 2\nreplica_concurrency = 1\n"
TALKER = """
import os, sys
print("hello from", os.environ["REPLICA_ID"], flush=True)
os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv[1:]])
"""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Two replicas that say hello, ready."""
    (tmp_path / "talker.py").write_text(TALKER)
    command = f"{sys.executable} talker.py {FAKE_SERVER} $PORT events={tmp_path / 'events'}"
    with running(write_app(tmp_path, TWO, entrypoint=command)) as made:
        eventually(lambda: made.states() == ["ready", "ready"])
        yield made


def ids(up: Up) -> list[str]:
    return [replica["id"] for replica in up.view()["replicas"]]


def test_logs_are_shown_by_replica_also_when_it_is_gone(up: Up) -> None:
    one, other = ids(up)
    assert {line.partition(" ")[2] for line in tidegate(up, "logs").splitlines()} == {
        f"{one} hello from {one}",
        f"{other} hello from {other}",
    }
    assert up.get("/sleep/0").status == 200
    tidegate(up, "restart", one)
    eventually(lambda: one not in ids(up))
    assert tidegate(up, "logs", "demo", "--replica", one).endswith(f"{one} hello from {one}\n")
    line = json.loads(tidegate(up, "logs", "--replica", other, "--json"))
    assert (line["replica"], line["text"]) == (other, f"hello from {other}")
    assert failed("logs", "--replica", "x", "--admin", up.admin).startswith(
        "tidegate: there are no logs of a replica x"
    )


def test_logs_are_followed_until_the_proxy_ends(up: Up) -> None:
    argv = [TIDEGATE, "logs", "-f", "-n", "1", "--admin", up.admin]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as following:
        assert following.stdout is not None
        assert "hello from" in following.stdout.readline()
        tidegate(up, "restart", ids(up)[0])
        assert "hello from" in following.stdout.readline()
        assert up.end() == 0
        following.wait(10)


def test_a_drained_replica_finishes_and_is_replaced(up: Up, tmp_path: Path) -> None:
    busy = up.later(f"/until{tmp_path}/enough")
    eventually(lambda: up.view()["in_flight"] == 1)
    chosen = next(replica["id"] for replica in up.view()["replicas"] if replica["in_flight"])
    assert tidegate(up, "drain", chosen) == f"{chosen} is draining with 1 in flight\n"
    (tmp_path / "enough").touch()
    assert busy.result().json["replica"] == chosen
    eventually(lambda: chosen not in ids(up) and up.states() == ["ready", "ready"])


def test_nothing_is_done_if_one_of_the_names_is_wrong(up: Up) -> None:
    said = failed("drain", ids(up)[0], "demo-x", "--admin", up.admin)
    assert said == "tidegate: there is no replica demo-x: `tidegate ps` lists them\n"
    assert up.states() == ["ready", "ready"]


def test_top_shows_apps_and_replicas_once_off_a_terminal(up: Up) -> None:
    said = tidegate(up, "top")
    assert said.startswith("APP ")
    assert all(replica in said for replica in ids(up))
    snapshot = json.loads(tidegate(up, "top", "--once", "--json"))
    assert [app["name"] for app in snapshot["apps"]] == ["demo"]


def test_every_command_about_a_running_up_speaks_json(up: Up) -> None:
    for words in (["ps"], ["scale"], ["explain"], ["drain", ids(up)[0]]):
        json.loads(tidegate(up, *words, "--json"))


def test_a_shell_completes_replicas_and_options(up: Up) -> None:
    one, other = ids(up)
    words = {"_TIDEGATE_COMPLETE": "complete_bash", "COMP_CWORD": "2", "COMP_WORDS": "tidegate drain demo-"}
    environment = {**os.environ, **words, "TIDEGATE_ADMIN": up.admin}
    done = subprocess.run([TIDEGATE], env=environment, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == {one, other}


def test_help_names_every_command_and_where_to_begin() -> None:
    said = subprocess.run([TIDEGATE, "--help"], capture_output=True, text=True, check=True).stdout
    names = ("up", "check", "simulate", "ps", "top", "logs", "explain", "scale", "drain", "restart")
    assert all(f" {name} " in said for name in names)
    assert "Begin with" in said


def test_on_a_terminal_top_is_live_in_colour_until_ctrl_c(up: Up) -> None:
    with on_terminal(["top", "--admin", up.admin], {}) as terminal:
        for replica in ids(up):
            terminal.shows(replica)
        terminal.shows("\x1b[32mready")
        up.get("/exit/3")
        terminal.shows("failed: exited with code 3")
        assert terminal.interrupt() == 0


def test_on_a_terminal_up_says_what_it_waits_for(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("503 loading shard 2")
    toml = 'readycheck_endpoint = "/ready"\n[cerebrium.scaling]\nmin_replicas = 1\n'
    folder = write_app(tmp_path, toml, server=f"ready={tmp_path / 'ready'}")
    words = ["up", str(folder), "--port", "0", "--admin-port", "0"]
    with on_terminal(words, {"TIDEGATE_STATE": str(tmp_path / "state")}) as terminal:
        terminal.matches(r" is starting, [1-9]\d* s: /ready answered 503: loading shard 2")
        (tmp_path / "ready").write_text("200 ok")
        terminal.shows(" is ready after ")
        assert terminal.interrupt() == 0

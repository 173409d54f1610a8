"""Scaling settings, and the commands about them, with real replicas."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import TIDEGATE, Up, eventually, running, write_app

QUICK = "evaluation_interval = 6\ncooldown = 1\n"


def tidegate(up: Up, *words: str) -> str:
    """What a command says to a running up."""
    done = subprocess.run([TIDEGATE, *words, "--admin", up.admin], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def failed(*words: str) -> str:
    done = subprocess.run([TIDEGATE, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_limits_set_by_hand_hold_until_they_are_cleared(tmp_path: Path) -> None:
    write_app(tmp_path, f"[cerebrium.scaling]\nmax_replicas = 5\n{QUICK}")
    with running(tmp_path) as up:
        assert "from 2 to 5 replicas (min_replicas set by hand" in tidegate(up, "scale", "--min", "2")
        eventually(lambda: up.states() == ["ready", "ready"])
        assert up.view()["scaling"]["min"] == 2
        assert tidegate(up, "scale", "demo", "--clear") == "from 0 to 5 replicas (nothing set by hand)\n"
        eventually(lambda: up.states() == [])
        assert tidegate(up, "scale") == "from 0 to 5 replicas (nothing set by hand)\n"
        assert failed("scale", "--min", "9", "--admin", up.admin) == (
            "tidegate: min_replicas 9 is above the app's max_replicas 5: give both\n"
        )


def last_two(up: Up) -> Any:  # JSON documents are of any type
    return json.loads(tidegate(up, "explain", "demo", "--json", "--limit", "2"))


def test_decisions_are_explained(tmp_path: Path) -> None:
    write_app(tmp_path, "[cerebrium.scaling]\nreplica_concurrency = 1\nmax_replicas = 5")
    with running(tmp_path) as up:
        assert {answer.status for answer in up.get_all(["/sleep/0.3"] * 3)} == {200}
        told = tidegate(up, "explain")
        assert "→ 3 replicas" in told  # from 0, or from 1 where the first came alone
        assert "0 in flight + 3 queued ÷ 1 per replica" in told
        # The first decision after the cold starts knows how long they took.
        eventually(lambda: last_two(up)[-1]["inputs"]["cold_start_phases"])
        assert len(last_two(up)) == 2
        assert last_two(up)[-1]["inputs"]["cold_start_phases"].keys() == {"create", "start", "load", "ready"}
        logged = [json.loads(line) for line in up.log().splitlines()]
        assert [line["decision"]["desired"] for line in logged if "decision" in line][-1] == 3
        assert tidegate(up, "ps").count("ready") == 3


def test_explain_alone_says_why_there_are_four_replicas(tmp_path: Path) -> None:
    write_app(tmp_path, f"[cerebrium.scaling]\nreplica_concurrency = 1\nmax_replicas = 9\n{QUICK}")
    with running(tmp_path) as up:
        waiting = [up.later(f"/until{tmp_path}/enough") for _ in range(4)]
        eventually(lambda: up.states() == ["ready"] * 4)
        told = tidegate(up, "explain")
        assert "→ 4 replicas" in told
        assert "÷ 1 per replica" in told
        (tmp_path / "enough").touch()
        assert [answer.result().status for answer in waiting] == [200] * 4


def test_a_command_that_reaches_nobody_says_so_in_one_sentence(tmp_path: Path) -> None:
    with running(write_app(tmp_path)) as up:
        assert failed("explain", "nobody", "--admin", up.admin) == (
            "tidegate: no app is called nobody; there are: demo\n"
        )
        up.end()
        assert failed("ps", "--admin", up.admin).startswith(f"tidegate: no tidegate up answers at {up.admin} (")


@pytest.mark.parametrize(
    "toml",
    [
        "[[tidegate.scaling.schedule]]\nmin_replicas = 2",
        '[tidegate.scaling]\npolicy = "load-thresholds"\n[[tidegate.scaling.schedule]]\nmin_replicas = 2',
    ],
)
def test_a_schedule_starts_replicas_without_a_request(toml: str, tmp_path: Path) -> None:
    write_app(tmp_path, f"[cerebrium.scaling]\nmax_replicas = 5\n{toml}")
    with running(tmp_path) as up:
        eventually(lambda: up.states() == ["ready", "ready"])
        assert "by the schedule" in up.view()["scaling"]["reason"]


def test_the_rate_of_requests_starts_replicas(tmp_path: Path) -> None:
    scaling = f'scaling_metric = "requests_per_second"\nscaling_target = 1\nmax_replicas = 5\n{QUICK}'
    write_app(tmp_path, f"[cerebrium.scaling]\n{scaling}")
    with running(tmp_path) as up:
        up.get_all(["/"] * 18)  # three per second over the interval
        eventually(lambda: len(up.states()) == 3)
        assert "requests per second over 6 s ÷ 1 per replica" in tidegate(up, "explain")


def test_a_high_load_adds_a_replica_and_a_low_one_takes_it_away(tmp_path: Path) -> None:
    delays = "scale_up_delay_seconds = 1\nscale_down_delay_seconds = 2"
    scaling = f"[cerebrium.scaling]\nreplica_concurrency = 1\nmax_replicas = 5\n{QUICK}"
    write_app(tmp_path, f'{scaling}[tidegate.scaling]\npolicy = "load-thresholds"\n{delays}')
    with running(tmp_path) as up:
        first = up.later(f"/until{tmp_path}/enough")
        eventually(lambda: len(up.states()) == 2)
        (tmp_path / "enough").touch()
        assert first.result().status == 200
        eventually(lambda: up.states() == [])


def test_what_replicas_compute_starts_replicas(tmp_path: Path) -> None:
    scaling = f'scaling_metric = "cpu_utilization"\nscaling_target = 40\nmin_replicas = 1\nmax_replicas = 2\n{QUICK}'
    write_app(tmp_path, f"[cerebrium.hardware]\ncpu = 0.5\n[cerebrium.scaling]\n{scaling}")
    with running(tmp_path) as up:
        burning = up.later("/burn/8")
        eventually(lambda: up.states() == ["ready", "ready"])
        assert "of one's cpu over 6 s ÷ 40 % per replica" in tidegate(up, "explain")
        assert burning.result().status == 200

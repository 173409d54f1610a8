"""Command mode: exit codes, signals, the gate, and a drain that loses nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.entrypoint import FAKE, Start, alive, entrypoints
from tests.e2e.running import eventually

# Writes the signals that it gets into the file of its first argument, by their names.
LISTENS = """
import signal, sys, time
def note(number, _frame):
    with open(sys.argv[1], "a") as file:
        file.write(signal.Signals(number).name + " ")
for name in ("HUP", "QUIT", "USR1", "USR2", "WINCH", "INT", "TERM"):
    signal.signal(getattr(signal, "SIG" + name), note)
open(sys.argv[1], "w").close()
while True:
    time.sleep(1)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with entrypoints(tmp_path) as begin:
        yield begin


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -SEGV $$"], 128 + signal.SIGSEGV),
        (["true"], 0),
        (["/no/such/program"], 127),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
        (["/"], 126),
    ],
)
def test_the_exit_code_is_the_commands(start: Start, command: list[str], code: int) -> None:
    assert start("--", *command).exit_code() == code


def test_a_command_that_is_not_found_is_one_sentence(start: Start) -> None:
    entrypoint = start("--", "no-such-program")
    entrypoint.exit_code()
    assert entrypoint.log == "tidegate: no-such-program is not found: install it, or correct the command after --\n"


def test_signals_reach_the_command(start: Start, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    entrypoint = start("--", sys.executable, "-c", LISTENS, str(noted))
    eventually(noted.exists)
    names = ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
    for name in names:
        entrypoint.signal(signal.Signals[name])
    eventually(lambda: sorted(noted.read_text().split()) == sorted(names))
    assert entrypoint.popen.poll() is None


def test_a_third_request_to_end_kills(start: Start, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    entrypoint = start("--", sys.executable, "-c", LISTENS, str(noted))
    eventually(noted.exists)
    entrypoint.signal(signal.SIGINT)
    eventually(lambda: "SIGINT" in noted.read_text())
    entrypoint.signal()
    entrypoint.signal(signal.SIGINT)
    assert entrypoint.exit_code() == 128 + signal.SIGKILL


def test_what_the_command_leaves_behind_ends_with_it(start: Start, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    entrypoint = start("--", "sh", "-c", f"setsid sleep 1000 & echo $! > {pid}; sleep 0.2; exit 3")
    assert entrypoint.exit_code() == 3
    assert not alive(int(pid.read_text()))


def test_a_neighbour_from_before_the_exec_is_left_alone(start: Start, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    neighbour = f'sleep 1000 & echo $! > {pid}; exec "$@"'
    entrypoint = start("--", "sh", "-c", "exit 3", before=("sh", "-c", neighbour, "sh"))
    assert entrypoint.exit_code() == 3
    assert alive(int(pid.read_text()))
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_the_command_dies_with_process_1(start: Start) -> None:
    entrypoint = start().ready()
    (pid,) = entrypoint.command_pids()
    entrypoint.signal(signal.SIGKILL)
    eventually(lambda: not alive(pid))


def test_the_gate_answers_probes_itself(start: Start) -> None:
    entrypoint = start("--limit", "3").ready()
    status, said = entrypoint.ask("/ready?probe")
    assert (status, said["status"], said["in_flight"], said["limit"], said["queued"]) == (200, "ready", 0, 3, 0)
    assert said["uptime"] > 0
    assert entrypoint.ask("/health")[1]["healthy"]
    assert "pid" in entrypoint.ask("/other")[1]


def test_vllm_needs_no_other_flag(start: Start, tmp_path: Path) -> None:
    """A stand-in with vLLM's command line: it listens where --port says, 8000 otherwise, and is ready by /health."""
    find_port = 'port=8000; while [ $# -gt 0 ]; do [ "$1" = --port ] && port=$2; shift; done'
    vllm = tmp_path / "vllm"
    vllm.write_text(f"#!/bin/sh\n{find_port}\nexec {' '.join(FAKE[:-1])} $port start=0.2\n")
    vllm.chmod(0o755)
    entrypoint = start("--", "vllm", "serve", "model", PATH=f"{tmp_path}:{os.environ['PATH']}").ready()
    assert entrypoint.ask("/v1/models")[1]["path"] == "/v1/models"
    assert "vllm is ready when /health answers" in entrypoint.log


def test_not_ready_says_why(start: Start) -> None:
    entrypoint = start("--ready-path", "/up", "--", *FAKE, "start=60")
    status, said = entrypoint.ask("/ready")
    assert (status, said["ready"], said["status"]) == (503, False, "starting")
    eventually(lambda: entrypoint.ask("/ready")[1].get("reason", "").startswith("/up: connection refused"))
    assert entrypoint.ask("/health")[0] == 200


def test_ready_follows_the_commands_own_readiness(start: Start, tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("503 loading weights")
    entrypoint = start("--ready-path", "/ready", "--", *FAKE, f"ready={tmp_path / 'ready'}")
    eventually(lambda: entrypoint.ask("/ready")[1].get("reason") == "/ready answered 503: loading weights")
    (tmp_path / "ready").write_text("200 {}")
    entrypoint.ready()


def test_no_more_than_the_limit_reach_the_command(start: Start) -> None:
    entrypoint = start("--limit", "2").ready()
    answers = [entrypoint.later("/sleep/0.05") for _ in range(8)]
    assert max(answer.result()[1]["most"] for answer in answers) == 2


def test_a_request_that_comes_before_the_command_is_ready_waits(start: Start) -> None:
    entrypoint = start("--", *FAKE, "start=0.3")
    assert entrypoint.ask("/hello")[0] == 200


def test_a_full_queue_is_429(start: Start, tmp_path: Path) -> None:
    entrypoint = start("--limit", "1", "--queue", "1").ready()
    running = entrypoint.later(f"/until{tmp_path}/enough")
    entrypoint.running(1)
    waiting = entrypoint.later("/sleep/0")
    eventually(lambda: entrypoint.ask("/ready")[1]["queued"] == 1)
    assert entrypoint.ask("/sleep/0")[0] == 429
    (tmp_path / "enough").touch()
    assert [running.result()[0], waiting.result()[0]] == [200, 200]


def test_a_server_that_aborts_on_sigterm_loses_nothing(start: Start, tmp_path: Path) -> None:
    entrypoint = start("--limit", "2", "--", *FAKE, "term=die").ready()
    answers = [entrypoint.later(f"/until{tmp_path}/enough") for _ in range(6)]
    eventually(lambda: entrypoint.ask("/ready")[1]["queued"] == 4)
    entrypoint.signal()
    eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
    assert entrypoint.ask("/new")[1]["error"]["type"] == "draining"
    (tmp_path / "enough").touch()
    assert [answer.result()[0] for answer in answers] == [200] * 6
    assert entrypoint.exit_code() == 0


def test_a_second_sigterm_does_not_wait_for_requests(start: Start) -> None:
    entrypoint = start("--", *FAKE, "term=die").ready()
    answer = entrypoint.later("/hang", body="{}")
    entrypoint.running(1)
    entrypoint.signal()
    eventually(lambda: entrypoint.ask("/ready")[1]["status"] == "draining")
    entrypoint.signal()
    assert answer.result()[0] == 502
    assert entrypoint.exit_code() == 0


def test_what_still_runs_at_the_end_of_the_grace_period_gets_504(start: Start) -> None:
    entrypoint = start("--grace", "1", "--", *FAKE, "term=ignore").ready()
    answer = entrypoint.later("/hang", body="{}")
    entrypoint.running(1)
    entrypoint.signal()
    assert answer.result()[0] == 504
    assert entrypoint.exit_code() == 128 + signal.SIGKILL


def test_a_port_that_is_taken_is_one_sentence_and_nothing_stays(start: Start, tmp_path: Path) -> None:
    port = start().port
    second = start("--host", "0.0.0.0", "--port", str(port), "--", "sleep", "1000")
    assert second.exit_code() == 2
    assert f"port {port} on 0.0.0.0 is in use" in second.log
    assert "Traceback" not in second.log

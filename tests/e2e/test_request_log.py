"""The log of a real proxy: its requests, its replicas' states, and what is not in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.running import TIDEGATE, Up, eventually, running, write_app
from tests.e2e.terminal import on_terminal

ONE = "[cerebrium.scaling]\nmin_replicas = 1\n"


def lines(up: Up, logger: str = "tidegate.request") -> list[dict[str, Any]]:  # JSON values are of any type
    written = [json.loads(line) for line in up.log().splitlines()]
    return [line for line in written if line["logger"] == logger]


def _has(up: Up, states: list[str]) -> bool:
    return up.states() == states


def test_every_request_is_a_line_without_its_query(tmp_path: Path) -> None:
    with running(write_app(tmp_path)) as up:
        answer = up.get("/chat?key=secret", authorization="Bearer sesame", cookie="session=sesame")
        eventually(lambda: lines(up))
        (line,) = lines(up)
        assert (line["method"], line["path"], line["status"]) == ("GET", "/chat", 200)
        assert (line["app"], line["replica"]) == ("demo", answer.headers["x-tidegate-replica"])
        assert line["request_id"] == answer.headers["x-request-id"]
        assert 0 < line["cold_ms"] <= line["queue_ms"] <= line["first_byte_ms"] <= line["total_ms"]
        assert line["bytes"] > len(answer.body)
        assert "sesame" not in up.log()
        assert "secret" not in up.log()


def test_the_last_request_is_written_before_the_end(tmp_path: Path) -> None:
    with running(write_app(tmp_path, ONE)) as up:
        up.get("/sleep/0")
        assert up.end() == 0
        assert [line["status"] for line in lines(up)] == [200]


def test_requests_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    with running(write_app(tmp_path, ONE), tmp_path, "--no-request-log") as up:
        up.get("/sleep/0")
        up.end()
        assert lines(up) == []
        assert lines(up, "tidegate.lifecycle") != []


def test_at_level_warning_only_trouble_is_told_and_output_is_kept(tmp_path: Path) -> None:
    (tmp_path / "talker.py").write_text("import time\nprint('words', flush=True)\ntime.sleep(60)\n")
    write_app(tmp_path, ONE, entrypoint=f"{sys.executable} talker.py")
    with running(tmp_path, tmp_path, "--log-level", "warning") as up:
        kept = tmp_path / "state" / "logs" / "demo"
        eventually(lambda: any("words" in file.read_text() for file in kept.glob("*.log")))
        assert up.log() == ""


def test_every_change_of_a_replica_s_state_is_a_line(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text("503 loading")
    toml = f'readycheck_endpoint = "/ready"\n{ONE}[tidegate.probes]\ninterval_seconds = 0.1\n'
    with running(write_app(tmp_path, toml, server=f"ready={ready}")) as up:
        eventually(lambda: up.states() == ["starting"])
        for said, state in (("200 ok", ["ready"]), ("503 busy", ["unready"]), ("200 ok", ["ready"])):
            ready.write_text(said)
            eventually(partial(_has, up, state))
        up.end()
        told = " ".join(line["message"] for line in lines(up, "tidegate.lifecycle"))
        steps = ["started at", "is ready after", "is not ready: /ready answered 503: busy", "is ready again", "drains"]
        places = [told.index(step) for step in [*steps, "has stopped"]]
        assert places == sorted(places)


def test_a_replica_that_refuses_a_connection_is_told_to_be_not_ready(tmp_path: Path) -> None:
    with running(write_app(tmp_path, ONE)) as up:
        up.get("/refuse/0.5")
        eventually(lambda: up.get("/sleep/0").status == 200 and "is ready again" in up.log())
        told = [line["message"] for line in lines(up, "tidegate.lifecycle")]
        assert told[-2].endswith("is not ready: it refused a connection")
        assert told[-1].endswith("is ready again")


def test_values_of_the_environment_are_in_no_line(tmp_path: Path) -> None:
    """Not even where a server that does not start echoes its command."""
    (tmp_path / "secrets.env").write_text("TOKEN=open-sesame\n")
    (tmp_path / "serve.sh").write_text('set -x\nexec python -m nothing_like_this --token "$TOKEN" --key "$API_KEY"\n')
    env = '[tidegate]\nenv_file = "secrets.env"\n[tidegate.env]\nAPI_KEY = "sk-abcdef"\n'
    with running(write_app(tmp_path, ONE + env, entrypoint="sh serve.sh")) as up:
        eventually(lambda: "failed: exited with code 1" in up.log())
        up.end()
        assert "--token *** --key ***" in up.log()
        assert "open-sesame" not in up.log()
        assert "sk-abcdef" not in up.log()


def test_a_reader_of_the_log_that_stalls_stops_no_request(tmp_path: Path) -> None:
    """The pipe and what may wait for it are full: the proxy answers all the same, and ends."""
    argv = [TIDEGATE, "up", str(write_app(tmp_path, ONE)), "--port", "0", "--admin-port", "0"]
    environment = {**os.environ, "TIDEGATE_STATE": str(tmp_path / "state")}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            up = Up(process, process.stdout.readline().rstrip("\n"), tmp_path / "log")
            answers = up.get_all(["/" + "x" * 900] * 200)
            assert {answer.status for answer in answers} == {200}
            assert up.get("/sleep/0").status == 200
            assert up.end() == 0
        finally:
            process.kill()


def test_on_a_terminal_requests_are_coloured_lines(tmp_path: Path) -> None:
    folder = write_app(tmp_path, ONE)
    words = ["up", str(folder), "--port", "0", "--admin-port", "0"]
    with on_terminal(words, {"TIDEGATE_STATE": str(tmp_path / "state"), "NO_COLOR": ""}) as terminal:
        terminal.shows("serving demo on http://")
        url = terminal.written.partition("serving demo on ")[2].split()[0]
        subprocess.run([sys.executable, "-c", f"import urllib.request as u; u.urlopen('{url}/sleep/0')"], check=True)
        terminal.shows("\x1b[32m200\x1b[0m GET /sleep/0 ")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(20) == 0

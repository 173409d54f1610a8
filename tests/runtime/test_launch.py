"""What is started, and how it is asked."""

from __future__ import annotations

import sys

import pytest

from proxy.backends import local_socket
from runtime.launch import Launch, launch
from runtime.options import parse


def launched(line: str, **environment: str) -> Launch:
    return launch(parse(line.split(), environment), environment)


def test_functions_are_a_command_that_is_mended() -> None:
    made = launched("--limit 3 --upstream-port 8001", APP_NAME="demo", PORT="8000")
    assert made.argv == (sys.executable, "-P", "-m", "runtime.serve")
    assert (made.mended, made.ready_path) == (True, "/ready")
    variables = {"APP_NAME": "demo", "MAX_CONCURRENT_TASKS": "3", "PORT": "8001", "TIDEGATE_HOST": "127.0.0.1"}
    assert variables.items() <= made.environment.items()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_functions_inherit_a_socket_and_keep_the_port_of_the_gate() -> None:
    made = launched("", PORT="8000")
    assert made.listener is not None
    with made.listener:
        assert made.environment["TIDEGATE_LISTENER"] == str(made.listener.fileno())
        assert (made.host[0], made.port, made.environment["PORT"]) == ("@", 0, "8000")


@pytest.mark.parametrize("available", [True, False])
def test_each_start_of_the_functions_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch, available: bool) -> None:
    monkeypatch.setattr(local_socket, "AVAILABLE", available and local_socket.AVAILABLE)
    one, other = launched(""), launched("")
    assert (one.host, one.port) != (other.host, other.port)
    for made in (one, other):
        if made.listener is not None:
            made.listener.close()


def test_a_command_is_told_its_own_port_and_not_the_gates() -> None:
    made = launched("-- python serve.py", PORT="8000")
    assert made.environment["PORT"] == str(made.port) != "8000"
    assert not made.mended


def test_a_preset_knows_where_readiness_is_said() -> None:
    assert launched("-- vllm serve m").ready_path == "/health"
    assert launched("--ready-path /up -- vllm serve m").ready_path == "/up"
    assert launched("--preset triton -- ./start.sh").ready_path == "/v2/health/ready"
    assert launched("-- python serve.py").ready_path == ""

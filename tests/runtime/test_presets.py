"""Servers are recognised, and moved away from the gate's port."""

from __future__ import annotations

import shlex

import pytest

from proxy.errors import UserError
from runtime.presets import PRESETS, Command, arrange, recognise


def arranged(line: str, preset: str = "", gate: int | None = 8000, given: int = 0) -> Command:
    """Port 41000 is free."""
    argv = shlex.split(line)
    return arrange(argv, PRESETS[preset] if preset else recognise(argv), gate, given, lambda: 41000)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("vllm serve facebook/opt-125m", "vllm"),
        ("python3.11 -m vllm.entrypoints.openai.api_server --model m", "vllm"),
        ("/opt/tritonserver/bin/tritonserver --model-repository=/models", "triton"),
        ("/opt/nvidia/nvidia_entrypoint.sh tritonserver --model-repository=/m", "triton"),
        ("text-generation-launcher --model-id m", "tgi"),
        ("llama-server -m model.gguf", "llama.cpp"),
        ("uv run uvicorn app:app", "uvicorn"),
        ("python -m uvicorn app:app", "uvicorn"),
        ("fastapi run app.py", "uvicorn"),
        ("python serve.py", "generic"),
        ("python serve.py --engine vllm", "generic"),
        ("mlserver start .", "generic"),
        ("python -m", "generic"),
        ("-m uvicorn", "generic"),
    ],
)
def test_a_server_is_recognised_by_its_program(line: str, name: str) -> None:
    assert recognise(shlex.split(line)).name == name


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("vllm serve m", "vllm serve m --port 41000 --host 127.0.0.1"),
        ("vllm serve m --port 8000", "vllm serve m --port 41000 --host 127.0.0.1"),
        ("vllm serve m --port=8000 --host 0.0.0.0", "vllm serve m --port=41000 --host 0.0.0.0"),
        ("vllm serve m --port $PORT", "vllm serve m --port 41000 --host 127.0.0.1"),
        ("vllm serve m --max-model-len 8000", "vllm serve m --max-model-len 8000 --port 41000 --host 127.0.0.1"),
        ("llama-server -ngl -1", "llama-server -ngl -1 --port 41000 --host 127.0.0.1"),
        ("text-generation-launcher -p 8000", "text-generation-launcher -p 41000 --hostname 127.0.0.1"),
        ("tritonserver --grpc-port 8001", "tritonserver --grpc-port 8001 --http-port 41000 --http-address 127.0.0.1"),
        ("python serve.py --bind=0.0.0.0:8000", "python serve.py --bind=0.0.0.0:41000"),
        ("sh -c 'serve --port ${PORT}'", "sh -c 'serve --port 41000'"),
        ("python serve.py", "python serve.py"),
    ],
)
def test_a_server_gets_a_port_of_its_own(line: str, becomes: str) -> None:
    assert arranged(line) == Command(tuple(shlex.split(becomes)), 41000)


def test_a_port_that_is_not_the_gates_is_left_to_the_server() -> None:
    assert arranged("vllm serve m --port 9000") == Command(("vllm", "serve", "m", "--port", "9000"), 9000)


def test_a_port_that_was_said_is_given_to_the_server() -> None:
    command = arranged("uvicorn app:app", given=9000)
    assert command == Command(("uvicorn", "app:app", "--port", "9000", "--host", "127.0.0.1"), 9000)


def test_a_port_that_was_said_of_an_unknown_server_changes_nothing_else() -> None:
    assert arranged("python serve.py", given=9000) == Command(("python", "serve.py"), 9000)


def test_two_ports_that_differ_are_a_mistake() -> None:
    with pytest.raises(UserError, match="names port 9001, but --upstream-port says 9000"):
        arranged("vllm serve m --port 9001", given=9000)


def test_a_preset_can_be_said() -> None:
    argv = ("./serve.sh", "--port", "41000", "--host", "127.0.0.1")
    assert arranged("./serve.sh", preset="vllm") == Command(argv, 41000)


def test_a_gate_on_any_free_port_leaves_other_words_alone() -> None:
    assert arranged("python serve.py --retries 0", gate=None).argv == ("python", "serve.py", "--retries", "0")

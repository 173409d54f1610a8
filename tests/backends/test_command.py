from __future__ import annotations

from pathlib import Path

import pytest

from proxy.backends.command import command, with_port
from proxy.errors import UserError
from tests.backends.apps import app

PYTHON = "/venv/bin/python"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$PORT", "41000"),
        ("${PORT}", "41000"),
        ("http://0.0.0.0:${PORT}/v1", "http://0.0.0.0:41000/v1"),
        ("exec uvicorn --port $PORT --workers 1", "exec uvicorn --port 41000 --workers 1"),
        ("8000", "41000"),
        ("--port=8000", "--port=41000"),
        ("0.0.0.0:8000", "0.0.0.0:41000"),
        ("$PORTAL", "$PORTAL"),
        ("$PORT_2", "$PORT_2"),
        ("80001", "80001"),
        ("18000", "18000"),
        ("model-8000", "model-8000"),
        ("--max-tokens=80000", "--max-tokens=80000"),
        ("0.0.0.0:8000/v1", "0.0.0.0:8000/v1"),
        ("8000\n", "8000\n"),
        ("", ""),
    ],
)
def test_a_word_that_means_the_port_becomes_the_replicas_own(word: str, expected: str) -> None:
    assert with_port(word, 8000, 41000) == expected


def test_every_word_of_the_entrypoint_is_looked_at(tmp_path: Path) -> None:
    config = app(
        tmp_path, '[cerebrium.runtime.custom]\nport = 9000\nentrypoint = "serve --port 9000 --bind 0.0.0.0:9000"'
    )
    assert command(config, 41000, PYTHON) == ("serve", "--port", "41000", "--bind", "0.0.0.0:41000")


def test_a_function_app_is_served_by_the_runtime(tmp_path: Path) -> None:
    assert command(app(tmp_path), 41000, PYTHON) == (PYTHON, "-P", "-m", "runtime.serve")


def test_a_custom_runtime_without_entrypoint_names_file_and_key(tmp_path: Path) -> None:
    config = app(tmp_path, "[cerebrium.runtime.custom]\nport = 9000")
    with pytest.raises(UserError, match=r"cerebrium\.toml: .*needs runtime\.custom\.entrypoint"):
        command(config, 41000, PYTHON)

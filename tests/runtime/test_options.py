"""Flags, the environment, and what is said about mistakes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from proxy.errors import UserError
from runtime.options import Options, parse


def parsed(line: str = "", environment: Mapping[str, str] | None = None) -> Options:
    return parse(line.split(), environment or {})


def test_functions_are_served_one_at_a_time_without_a_word() -> None:
    options = parsed()
    assert (options.command, options.port, options.limit, options.grace_seconds) == ((), 8000, 1, 900)


def test_what_follows_the_dashes_is_the_commands_own() -> None:
    options = parsed("--limit 4 -- serve --limit 9 -- --port 1")
    assert (options.limit, options.command) == (4, ("serve", "--limit", "9", "--", "--port", "1"))


def test_a_command_gets_a_hundred_at_once_without_a_word() -> None:
    assert parsed("-- serve").limit == 100


def test_the_environment_speaks_where_no_flag_does() -> None:
    environment = {"PORT": "9000", "MAX_CONCURRENT_TASKS": "3", "TIDEGATE_GRACE": "20.5", "TIDEGATE_READY_PATH": "/up"}
    options = parsed("--port 9001", environment)
    assert (options.port, options.limit, options.grace_seconds, options.ready_path) == (9001, 3, 20.5, "/up")


def test_no_ready_path_is_not_the_empty_one() -> None:
    assert parsed().ready_path is None
    assert parse(["--ready-path", ""], {}).ready_path == ""


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("vllm serve m", "vllm is no option: write -- before the command"),
        ("--", "-- is not followed by a command"),
        ("--upstream-port 8000 -- serve", "--upstream-port is 8000, which is the gate's own port: let the command"),
        ("--limit 0", "--limit: '0' is no whole number from 1 to 100000"),
        ("--port 70000", "--port: '70000' is no whole number from 0 to 65535"),
        ("--grace soon", "--grace: 'soon' is no number of seconds"),
        ("--grace nan", "--grace: 'nan' is no number of seconds"),
        ("--preset vlm", "'vlm' is none of vllm, triton"),
        ("--ready-path up", "--ready-path: 'up' is no path: begin it with /"),
    ],
)
def test_a_mistake_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        parsed(line)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("port", ["8x", "9" * 5000, "²"])
def test_a_mistake_in_the_environment_names_the_variable(port: str) -> None:
    with pytest.raises(UserError, match=r"the environment variable PORT: .* is no whole number from 0 to 65535"):
        parsed("", {"PORT": port})


def test_a_command_without_a_word_is_none() -> None:
    with pytest.raises(UserError, match="-- is not followed by a command"):
        parse(["--", ""], {})


def test_the_gates_port_may_be_the_commands_where_its_address_is_another() -> None:
    assert parsed("--host 10.0.0.5 --upstream-port 8000 -- serve").upstream_port == 8000

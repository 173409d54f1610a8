"""A command line that cannot be followed: one sentence on stderr in our own words, and exit code 2."""

from __future__ import annotations

import sys
from importlib.metadata import version
from types import ModuleType
from typing import NoReturn, cast

import pytest

from proxy.backends.choose import BACKENDS
from proxy.cli import main
from proxy.cli.up import BackendName


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("up --log-level foo", "--log-level is foo, but must be one of debug, info, warning, error"),
        ("up --backend podman", "--backend is podman, but must be one of process, docker, static"),
        ("up --backend dokcer", '--backend is dokcer, but must be one of process, docker, static: did you mean "dock'),
        ("simulate . --trace t --baseline hpa --baseline x", "--baseline is x, but must be one of knative, hpa, ray"),
        ("up --port x", "--port is x, but must be a whole number, from 0 to 65535"),
        ("up --port 70000", "--port is 70000, but must be from 0 to 65535"),
        ("up --max-cpu -1", "--max-cpu is -1, but must be at least 0"),
        ("keys add --rate x", "--rate is x, but must be a number"),
        ("up --host a..b", "--host: a..b is no host name or address"),
        ("ps --admin http://:x", "--admin: http://:x is no address such as http://127.0.0.1:8001"),
        ("up --lgo-level x", "no such option: --lgo-level: did you mean --log-level"),
        ("keys revoke --nonsense x", "no such option: --nonsense; see tidegate keys revoke --help"),
        ("ups", "no such command ups: did you mean up or ps?"),
        ("serve", "no such command serve; see tidegate --help"),
        ("keys drop", "no such command drop; see tidegate keys --help"),
        ("drain", "missing argument REPLICA; see tidegate drain --help"),
        ("simulate .", "missing option --trace; see tidegate simulate --help"),
        ("up --port", "option --port requires an argument; see tidegate --help"),
        ("up --watch=3", "option --watch does not take a value; see tidegate --help"),
        ("keys revoke a b", "got unexpected extra argument(s) (b); see tidegate keys revoke --help"),
        ("up --port a\nb", "--port is a\\nb, but must be a whole number"),
        ("keys revoke a \x1b[2J", "got unexpected extra argument(s) (\\x1b[2J); see"),
    ],
)
def test_wrong_usage_is_one_sentence(
    words: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = tidegate(words, monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert err.startswith(f"tidegate: {sentence}")
    assert err.count("\n") == 1


def test_ctrl_c_while_the_commands_are_imported_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> NoReturn:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "proxy.cli.application", cast(ModuleType, Interrupted()))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130


def test_a_variable_that_stands_for_an_option_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIDEGATE_ADMIN", "http://:x")
    assert tidegate("ps", monkeypatch, capsys) == (
        2,
        "",
        "tidegate: the environment variable TIDEGATE_ADMIN: http://:x is no address such as http://127.0.0.1:8001\n",
    )


@pytest.mark.parametrize(("words", "code"), [("", 2), ("keys", 2), ("--help", 0), ("up -h", 0)])
def test_help_is_no_mistake(
    words: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = tidegate(words, monkeypatch, capsys)
    assert (ended, err) == (code, "")
    assert "Usage: tidegate" in out


def test_the_version_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert tidegate("--version", monkeypatch, capsys) == (0, f"tidegate {version('tidegate')}\n", "")


def test_every_backend_may_be_chosen() -> None:
    assert tuple(BackendName) == BACKENDS


def tidegate(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr; `words` are parted at single spaces."""
    monkeypatch.setattr(sys, "argv", ["tidegate", *filter(None, words.split(" "))])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), *capsys.readouterr()

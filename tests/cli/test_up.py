"""tidegate up: a mistake of the user's is one sentence on stderr and exit code 2."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.cli import main
from proxy.cli.up import _announce

NAME = '[cerebrium.deployment]\nname = "demo"\n'
SLEEPER = NAME + '[cerebrium.runtime.custom]\nentrypoint = "sleep 100"\n'


class FakeLog:
    """Takes nothing and shows nothing."""

    def __init__(self, _level: str) -> None: ...

    def show(self, text: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # It would take pytest's handlers away.
    monkeypatch.setattr("proxy.cli.up.set_up_logging", FakeLog)


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def up(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code; on ports that nobody uses unless `words` say otherwise."""
    monkeypatch.setattr(sys, "argv", ["tidegate", "up", "--port", "0", "--admin-port", "0", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, ".: the folder has no cerebrium.toml: add one, or give the file itself"),
        ("[deployment]", "cerebrium.toml: the root table cerebrium is missing: write [cerebrium.deployment]"),
        ("name = ", "cerebrium.toml: line 1, column 8: invalid TOML: Invalid value"),
        (NAME + "[cerebrium.scaling]\ncooldown = -1", "cerebrium.scaling.cooldown is -1, but must be from 0 to 3600"),
        (NAME + '[cerebrium.scaling]\nload_balancing_algorithm = "robin"', "load_balancing_algorithm"),
        (NAME + '[cerebrium.runtime.custom]\nentrypoint = "no-such-server"', "starts 'no-such-server', which is no"),
        (NAME, "main.py does not exist: add it, or set runtime.custom.entrypoint"),
        (NAME + '[tidegate]\nbackend = "podman"', 'tidegate.backend is "podman", but must be one of'),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    text: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        Path("cerebrium.toml").write_text(text)
    assert up(monkeypatch) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tidegate: ")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere: no such file or folder: give a folder with a cerebrium.toml, or the file itself"),
        (["--backend", "podman"], "--backend is podman, but must be one of process, docker, static"),
        (["--backend", "static"], "the static backend needs tidegate.static.replicas"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1:0: "),
        (["--admin-host", "203.0.113.1", "--admin-key", "word"], "cannot listen on 203.0.113.1:0: "),
        (["--host", "no-such-host.invalid"], "cannot listen on no-such-host.invalid:0: "),
        (["--admin-host", "0.0.0.0"], "--admin-host 0.0.0.0 is open to others than this machine's users: set TIDEGATE"),
        (["--tls-cert", "c"], "--tls-cert needs --tls-key: give the certificate and its key"),
        (["--tls-key", "k"], "--tls-key needs --tls-cert: give the certificate and its key"),
        (["--admin-tls"], "--admin-tls needs --tls-cert and --tls-key: both ports have the same certificate"),
        (["--tls-cert", "no", "--tls-key", "no"], "no cannot be read: No such file or directory"),
        ([".", "other"], "change one of them"),
        ([".", "./cerebrium.toml"], "cerebrium.toml is given twice: name it once"),
        (
            ["main.py"],
            "invalid TOML: Expected '=' after a key in a key/value pair: give a folder with a cerebrium.toml",
        ),
        (["--max-cpu", "1"], "hardware.cpu is 2, but --max-cpu is 1, so no replica could ever start"),
    ],
)
def test_a_command_line_that_cannot_be_followed_is_one_sentence(
    words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cerebrium.toml").write_text(SLEEPER)
    Path("other").mkdir()
    Path("other/cerebrium.toml").write_text(SLEEPER)
    Path("main.py").write_text("def hello(): ...")
    assert up(monkeypatch, *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tidegate: ")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--otel"], ["--otel-metrics"]])
def test_telemetry_without_its_packages_is_one_sentence(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cerebrium.toml").write_text(SLEEPER)
    monkeypatch.delitem(sys.modules, "proxy.telemetry.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert up(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert "run pip install 'tidegate[otel]', or do without by --no-otel" in err
    assert err.count("\n") == 1


def test_a_variable_of_opentelemetry_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cerebrium.toml").write_text(SLEEPER)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    assert up(monkeypatch, "--otel") == 2
    assert capsys.readouterr().err.startswith("tidegate: OpenTelemetry's environment variables cannot be used: ")


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_a_port_in_use_is_one_sentence_with_its_option(
    option: str, taken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cerebrium.toml").write_text(SLEEPER)
    assert up(monkeypatch, option, taken) == 2
    assert capsys.readouterr().err == (
        f"tidegate: port {taken} on 127.0.0.1 is in use: stop what listens there, or choose another with {option}\n"
    )


def test_help_names_every_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert up(monkeypatch, "--help") == 0
    text = capsys.readouterr().out
    for option in (
        "--backend",
        "--host",
        "--port",
        "--admin-host",
        "--admin-port",
        "--max-cpu",
        "--max-memory",
        "--log-level",
    ):
        assert option in text


def test_what_is_odd_about_a_file_is_warned_of(
    taken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path("cerebrium.toml").write_text(SLEEPER + "[tidegate.queu]")
    with caplog.at_level(logging.WARNING):
        up(monkeypatch, "--port", taken)
    assert "tidegate.queu is not known" in caplog.text


def test_a_stdout_that_cannot_be_written_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        _announce("tidegate: serving demo")
    assert caplog.messages == ["stdout cannot be written (No space left on device): tidegate: serving demo"]

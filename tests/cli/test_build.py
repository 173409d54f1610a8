"""tidegate build."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.cli import main
from proxy.cli.build import reporter
from proxy.images.progress import Progress

Run = Callable[..., int]


@pytest.fixture(name="run")
def run_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["tidegate", "build", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return end.value.code

    return run


def write(toml: str = "") -> None:
    Path("cerebrium.toml").write_text(f'[cerebrium.deployment]\nname = "demo"\n{toml}')
    Path("main.py").touch()


@pytest.mark.parametrize("toml", ["", '[cerebrium.runtime.custom]\ndockerfile_path = "Dockerfile"'])
def test_an_engine_that_does_not_answer_is_one_sentence(
    toml: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(toml)
    Path("Dockerfile").write_text("FROM scratch")
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tidegate: the Docker Engine does not answer at unix:///")
    assert err.count("\n") == 1


def test_a_dockerfile_that_is_not_there_is_one_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write('[cerebrium.runtime.custom]\ndockerfile_path = "Dockerfile.gpu"')
    assert run() == 2
    assert "cerebrium.toml: runtime.custom.dockerfile_path names Dockerfile.gpu, which is no file: correct it" in (
        capsys.readouterr().err
    )


def test_a_file_that_cannot_be_used_is_one_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert capsys.readouterr().err.startswith("tidegate: .: the folder has no cerebrium.toml")


def test_progress_that_is_no_terminals_has_a_line_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    report = reporter("demo")
    report(Progress("begins", "[1/2] pip: six"))
    report(Progress("says", "Collecting six"))
    report(Progress("ends", "[1/2] pip: six (1.0 s)"))
    assert capsys.readouterr().err == "demo: [1/2] pip: six\ndemo:   Collecting six\ndemo: [1/2] pip: six (1.0 s)\n"


def test_on_a_terminal_only_what_has_ended_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    report = reporter("demo")
    report(Progress("says", "a line that is longer than the terminal is wide"))
    report(Progress("ends", "[1/2] a step whose title is long (1.0 s)"))
    assert capsys.readouterr().err.split("\r\x1b[2K") == [
        "",
        "demo:   a line that",
        "demo: [1/2] a step whose title is long (1.0 s)\n",
    ]

"""loadtests/bench/command.py: what is printed and kept of a benchmark, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import command
from bench.failure import BenchError
from bench.result import Result, read
from bench.table import Table

TABLE = Table(["proxy", "ms"], [["nginx", "1.2"]], "Medians.")


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "end_on_signals", lambda: None)


def test_what_was_measured_is_printed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = Result("T", "make t", "2 cores", {"t": TABLE})
    assert command.run(lambda: result, tmp_path / "t.json") == 0
    assert capsys.readouterr().out == f"{TABLE.markdown()}\n\n{result.origin}\n"
    assert read(tmp_path / "t.json").tables == {"t": TABLE}


def test_what_must_not_be_is_told_and_the_figures_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = Result("T", "make t", "", {"t": TABLE}, faults=["Two at once."])
    assert command.run(lambda: result, tmp_path / "t.json") == 1
    assert capsys.readouterr().err == "Two at once.\n"
    assert read(tmp_path / "t.json").tables == {"t": TABLE}


def test_what_ends_a_measurement_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def measure() -> Result:
        raise BenchError("There is no wrk.")

    assert command.run(measure, None) == 1
    assert capsys.readouterr() == ("", "There is no wrk.\n")

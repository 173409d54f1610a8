"""loadtests/bench/result.py: what is written is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.failure import BenchError
from bench.result import Curve, Result, read
from bench.table import Table

TABLE = Table(["proxy", "ms"], [["nginx", "1.2"]], "Medians.")


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = Result("T", "make t", "2 cores", {"t": TABLE}, [Curve("p", "n", [1.0], [0.5])], "2026-01-01")
    result.write(tmp_path / "t.json")
    assert read(tmp_path / "t.json") == result
    assert result.origin == "`make t`, 2026-01-01: 2 cores"


def test_figures_may_be_numbers_and_the_machine_unsaid(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    tables = [{"name": "t", "columns": ["a"], "rows": [[1.5]]}]
    file.write_text(json.dumps({"title": "T", "command": "make t", "tables": tables}))
    assert read(file).tables["t"].rows == [["1.5"]]
    assert read(file).origin == "`make t`"


@pytest.mark.parametrize("text", ["", "[]", '{"title": "T"}', '{"tables": [{"name": "t", "columns": 1, "rows": 2}]}'])
def test_a_file_that_holds_no_result_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "t.json"
    file.write_text(text)
    with pytest.raises(BenchError, match="holds no result"):
        read(file)
    with pytest.raises(BenchError, match="make report ONLY=x writes it"):
        read(tmp_path / "x.json")

"""loadtests/bench/pictures.py: figures become pictures, the same from the same figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import pictures
from bench.result import Curve, Result
from bench.table import Table


def result(name: str, table: Table, curves: list[Curve] | None = None) -> Result:
    return Result("T", "make t", "", {name: table}, curves or [], "2026-01-01")


MEMORY = Table(["proxy", "MiB per 1,000 idle connections"], [["Tidegate", "1,234.5"], ["gone", "–"]], "")


@pytest.mark.parametrize(("text", "value"), [("1,234.5", 1234.5), ("18 of 18", 18.0), ("–", None), ("", None)])
def test_a_cell_is_read_as_it_was_written(text: str, value: float | None) -> None:
    assert pictures.number(text) == value


def test_a_table_is_drawn_the_same_twice(tmp_path: Path) -> None:
    first, again = (pictures.draw(result("memory", MEMORY), tmp_path / name)["memory"] for name in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()
    assert first.read_text().startswith("<?xml")
    assert len(first.read_bytes()) < 150_000


def test_curves_are_drawn_panel_by_panel(tmp_path: Path) -> None:
    curves = [Curve(panel, "HAProxy", [1.0, 2.0], [1.0, 0.1]) for panel in ("bimodal", "exponential")]
    assert pictures.draw(result("scheduling", MEMORY, curves), tmp_path)["scheduling"].exists()


def test_a_table_without_figures_has_no_picture(tmp_path: Path) -> None:
    empty = Table(MEMORY.header, [["gone", "–"]], "")
    assert not pictures.draw(result("memory", empty), tmp_path)
    assert not pictures.draw(result("another", MEMORY), tmp_path)

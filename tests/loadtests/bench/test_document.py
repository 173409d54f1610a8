"""loadtests/bench/document.py: figures go into their places, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import document
from bench.failure import BenchError

PAGE = "before\n<!-- one -->\nold\n<!-- /one -->\nbetween\n<!-- two-x -->\n<!-- /two-x -->\nafter\n"


def test_places_are_found_in_their_order() -> None:
    assert document.places(PAGE) == ["one", "two-x"]


def test_only_what_stands_in_a_place_changes() -> None:
    filled = document.filled(PAGE, lambda place: "new" if place == "one" else None)
    assert filled == PAGE.replace("\nold\n", "\n\nnew\n\n")


def test_filling_twice_changes_nothing_more() -> None:
    once = document.filled(PAGE, str.upper)
    assert document.filled(once, str.upper) == once


def test_a_page_without_the_place_is_an_error_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="add the lines <!-- three -->"):
        document.write("three", "text", tmp_path / "page.md")

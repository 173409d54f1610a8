"""docs/benchmarks.md is what the stored results make it, and the README says no figure that is not in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bench import document
from bench.failure import BenchError
from report import BENCHMARKS, Benchmark, Desk

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
FIGURE = re.compile(r"(?<![\w.,])(\d[\d.,]*)\s?(?:µs|ms|%|×|[MG]i?B(?:/s)?|requests/s|requests per second)(?!\w)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
FAKE = "import sys; from pathlib import Path; Path(sys.argv[sys.argv.index('--json') + 1]).write_text('{}')"


def figures(text: str) -> list[str]:
    """Numbers with a unit of speed, size or share, outside of code."""
    return [found[1] for found in FIGURE.finditer(CODE.sub("", text))]


def stands_in(number: str, page: str) -> bool:
    return re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)", page) is not None


def test_the_page_is_what_its_results_make_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "results", tmp_path / "results")
    (tmp_path / "benchmarks.md").write_text(document.filled(PAGE, lambda _: "gone"))
    Desk(tmp_path, short=False, traces=tmp_path).write()
    assert (tmp_path / "benchmarks.md").read_text() == PAGE
    assert {file.name for file in (tmp_path / "pictures").iterdir()} <= set(re.findall(r"pictures/([\w-]+\.svg)", PAGE))


def test_pictures_of_the_page_are_there_and_small() -> None:
    for name in re.findall(r"\]\((pictures/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / name).stat().st_size < 150_000


def test_the_readme_says_no_figure_that_was_not_measured() -> None:
    unmeasured = [number for number in figures((ROOT / "README.md").read_text()) if not stands_in(number, PAGE)]
    assert not unmeasured, "add the benchmark to docs/benchmarks.md, or take the figure out of README.md"


def test_figures_are_found_in_prose_only() -> None:
    text = "20.6 µs, 1,205 MB/s and 5% or 3 ×; 8 replicas; `90 ms`\n```\n4 ms\n```\n"
    assert figures(text) == ["20.6", "1,205", "5", "3"]
    assert stands_in("20.6", "| 20.6 |")
    assert not stands_in("20.6", "120.6 or 20.61")


def test_a_benchmark_that_fails_leaves_its_stored_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "chaos", Benchmark(["-c", "raise SystemExit(3)"], 0))
    desk = Desk(tmp_path, short=True, traces=tmp_path)
    desk.result_file("chaos").parent.mkdir()
    desk.result_file("chaos").write_text("stored")
    with pytest.raises(BenchError, match="exit code 3"):
        desk.run("chaos")
    assert desk.result_file("chaos").read_text() == "stored"
    assert not desk.result_file("chaos").with_suffix(".new").exists()


def test_figures_that_cannot_be_read_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "chaos", Benchmark(["-c", FAKE], 0))
    with pytest.raises(BenchError, match="holds no result"):
        Desk(tmp_path, short=True, traces=tmp_path).run("chaos")
    assert not list((tmp_path / "results").iterdir())

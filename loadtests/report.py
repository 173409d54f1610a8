"""Writes docs/benchmarks.md: runs each benchmark, keeps what it found in docs/results, makes tables and pictures of it.

Usage: python loadtests/report.py [--only NAMES] [--short] [--no-run] [--traces FOLDER]

`make report` runs all, `make report ONLY=scheduling,chaos` some; the others' figures are those that are stored.
--short writes into build/report, so that no figure of a short run takes the place of a good one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import document, pictures
from bench.failure import BenchError
from bench.machine import description
from bench.result import Result, read, today
from bench.table import Table

ROOT = Path(__file__).parent.parent
COMPILED = ROOT / "build" / "compiled"
DOCUMENT = "benchmarks.md"
UNMEASURED = "Not measured yet: `make report` does."
TRACES = ROOT.parent / "shared" / "traces"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A command that takes --short and --json FILE; `path` goes before everything that Python imports."""

    command: Sequence[str]
    minutes: float
    path: Path | None = None


BENCHMARKS: dict[str, Benchmark] = {
    "datapath": Benchmark(["loadtests/datapath.py"], 7.5),
    "scheduling": Benchmark(["loadtests/scheduling.py"], 6.5),
    "cold_start": Benchmark(["loadtests/cold_start.py"], 2.5),
    "functions": Benchmark(["loadtests/functions.py"], 2.5, COMPILED),
    "scaling": Benchmark(["loadtests/scaling.py"], 2),
    "chaos": Benchmark(["-m", "chaos"], 4.5, ROOT / "loadtests"),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a report is made: `folder` holds the document, results/ and pictures/."""

    folder: Path
    short: bool
    traces: Path

    def result_file(self, name: str) -> Path:
        return self.folder / "results" / f"{name}.json"

    def run(self, name: str) -> None:
        """Raises BenchError if the benchmark fails; what was stored of it before stays."""
        benchmark = BENCHMARKS[name]
        new = self.result_file(name).with_suffix(".new")
        new.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *benchmark.command, *self._traces(name), "--json", str(new)]
        environment = {**os.environ, **({"PYTHONPATH": str(benchmark.path)} if benchmark.path else {})}
        print(f"report: {name}, {'in short' if self.short else f'{benchmark.minutes:g} minutes'}", file=sys.stderr)
        try:
            done = subprocess.run(
                [*command, *["--short"] * self.short], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False
            )
            if not new.exists():
                raise BenchError(f"{name} failed (exit code {done.returncode}) and has no figures")
            stamped(read(new)).write(self.result_file(name))
        finally:
            new.unlink(missing_ok=True)
        if done.returncode:
            raise BenchError(f"{name} found what must not be (exit code {done.returncode}); its figures are written")

    def write(self) -> None:
        """The document and its pictures from what is stored. Raises BenchError if a stored result cannot be read."""
        file = self.folder / DOCUMENT
        text = file.read_text()
        results = {name: read(self.result_file(name)) for name in BENCHMARKS if self.result_file(name).exists()}
        sections: dict[str, str] = {}
        for name, result in results.items():
            parts = _sections(result, pictures.draw(result, self.folder / "pictures"))
            sections |= {name: "\n\n".join(parts.values())} | parts
        file.write_text(document.filled(text, lambda place: sections.get(place, UNMEASURED)))

    def _traces(self, name: str) -> list[str]:
        return [str(self.traces)] if name == "scaling" else []


def stamped(result: Result) -> Result:
    """With machine and date, where the benchmark did not say them."""
    return replace(result, machine=result.machine or description(), date=result.date or today())


def _sections(result: Result, drawn: Mapping[str, Path]) -> dict[str, str]:
    return {name: _section(name, table, result, drawn.get(name)) for name, table in result.tables.items()}


def _section(name: str, table: Table, result: Result, picture: Path | None) -> str:
    image = [f"![{result.title}: {name}](pictures/{picture.name})"] if picture else []
    return "\n\n".join([*image, table.markdown().strip(), result.origin])


def desk(short: bool, traces: Path) -> Desk:
    """The docs folder, or a copy of what is in it."""
    docs = ROOT / "docs"
    if not short:
        return Desk(docs, short, traces)
    folder = ROOT / "build" / "report"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(docs / "results", folder / "results")
    shutil.copy(docs / DOCUMENT, folder)
    return Desk(folder, short, traces)


def chosen(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    return names


def make(names: Sequence[str], at: Desk) -> list[str]:
    """What went wrong."""
    failures = []
    for name in names:
        began = time.monotonic()
        if name == "scaling" and not at.traces.is_dir():
            print(f"report: there are no traces in {at.traces}, so the stored scaling figures stay.", file=sys.stderr)
            continue
        try:
            at.run(name)
        except BenchError as error:
            failures.append(str(error))
        print(f"report: {name} took {time.monotonic() - began:.0f} s", file=sys.stderr)
    try:
        at.write()
    except BenchError as error:
        failures.append(str(error))
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks and write docs/benchmarks.md.")
    parser.add_argument("--only", type=chosen, default=list(BENCHMARKS), help=f"some of {','.join(BENCHMARKS)}")
    parser.add_argument("--short", action="store_true", help="short runs, written into build/report")
    parser.add_argument("--no-run", action="store_true", help="write the document from what is stored")
    parser.add_argument("--traces", type=Path, default=TRACES, metavar="FOLDER", help="request traces for scaling")
    options = parser.parse_args()
    at = desk(options.short, options.traces.absolute())
    failures = make([] if options.no_run else options.only, at)
    print("\n".join(failures) or f"report: {at.folder / DOCUMENT} is written", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the command of a benchmark takes and does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.ending import end_on_signals
from bench.failure import BenchError
from bench.result import Result


def parser(about: str, short: str = "fewer and shorter rounds, half a minute") -> argparse.ArgumentParser:
    """Of the options that all have; `short` says what --short does."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--short", action="store_true", help=short)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the result into a file")
    return made


def run(measure: Callable[[], Result], file: Path | None) -> int:
    """Measure, print the tables and keep the result; the exit code."""
    end_on_signals()
    try:
        result = measure()
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    for table in result.tables.values():
        print(f"{table.markdown()}\n")
    print(result.origin)
    if file:
        result.write(file)
    for fault in result.faults:
        print(fault, file=sys.stderr)
    return 1 if result.faults else 0

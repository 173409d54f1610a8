"""What the command of a benchmark takes and does, where it has no options of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.ending import end_on_signals
from bench.failure import BenchError
from bench.result import Result


def run(about: str, measure: Callable[[bool], Result]) -> int:
    """Measure, in short or not, print the tables and keep the result; the exit code."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds, half a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result into a file")
    options = parser.parse_args()
    end_on_signals()
    try:
        result = measure(options.short)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    for table in result.tables.values():
        print(f"{table.markdown()}\n")
    print(result.origin)
    if options.json:
        result.write(options.json)
    return 0

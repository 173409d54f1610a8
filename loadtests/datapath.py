"""Tidegate against HAProxy, nginx, Envoy and an aiohttp proxy, on loopback; docs/benchmarks.md explains the figures.

Usage: python loadtests/datapath.py [--short] [--only small,streams,bodies,memory] [--json FILE]
"""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import bodies, memory, small, streams
from bench.ending import end_on_signals
from bench.failure import BenchError
from bench.machine import description
from bench.peers import peers
from bench.programs import find_programs
from bench.result import Result
from bench.setting import Setting
from bench.table import Table

PARTS: Mapping[str, Callable[[Setting], Table]] = {
    "small": small.measure,
    "streams": streams.measure,
    "bodies": bodies.measure,
    "memory": memory.measure,
}


def chosen_parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    return names


def run(parts: list[str], short: bool) -> Result:
    programs = find_programs()
    setting = Setting(programs, peers(programs), short)
    where = description(programs)
    print(where)
    tables = {}
    for part in parts:
        tables[part] = PARTS[part](setting)
        print(f"\n{tables[part].markdown()}", flush=True)
    only = [] if parts == list(PARTS) else ["--only", ",".join(parts)]
    command = ["python", "loadtests/datapath.py", *(["--short"] if short else []), *only]
    return Result("The data path", shlex.join(command), where, tables)


def main() -> int:
    parser = argparse.ArgumentParser(description="The data path benchmark.")
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds, under 90 seconds")
    parser.add_argument("--only", type=chosen_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result into a file")
    options = parser.parse_args()
    end_on_signals()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        result = run(options.only, options.short)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        result.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

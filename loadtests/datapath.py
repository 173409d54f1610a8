"""Tidegate against HAProxy, nginx, Envoy and an aiohttp proxy, on loopback; docs/benchmarks.md explains the figures.

Usage: python loadtests/datapath.py [--short] [--only small,streams,bodies,memory] [--write]
"""

from __future__ import annotations

import argparse
import resource
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import FrameType

from bench import bodies, document, memory, small, streams
from bench.failure import BenchError
from bench.machine import description
from bench.peers import peers
from bench.programs import find_programs
from bench.setting import Setting
from bench.table import Table

PARTS: Mapping[str, Callable[[Setting], Table]] = {
    "small": small.measure,
    "streams": streams.measure,
    "bodies": bodies.measure,
    "memory": memory.measure,
}
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def chosen_parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    return names


def run(parts: list[str], short: bool, write: bool) -> None:
    programs = find_programs()
    setting = Setting(programs, peers(programs), short)
    command = shlex.join(["python", "loadtests/datapath.py", *(["--short"] if short else []), "--only"])
    where = description(programs)
    print(where)
    for part in parts:
        text = PARTS[part](setting).markdown()
        print(f"\n{text}", flush=True)
        if write:
            document.write(part, f"{text}\n\n`{command} {part}`, {datetime.now(UTC):%Y-%m-%d}: {where}")


def main() -> int:
    parser = argparse.ArgumentParser(description="The data path benchmark.")
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds, under 90 seconds")
    parser.add_argument("--only", type=chosen_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    for number in SIGNALS:
        signal.signal(number, _end)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        run(options.only, options.short, options.write)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _end(number: int, _: FrameType | None) -> None:
    """An exception, so that everything started is ended on the way out, which a second signal must not stop."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

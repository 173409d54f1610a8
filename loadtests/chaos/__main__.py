"""The command: plays the scenarios one after the other and prints what was found; exit code 1 if a promise was broken.

Usage: PYTHONPATH=loadtests python -m chaos [--only NAME ...] [--short] [--seed 1] [--at-once 2] [--json FILE]
       [--keep-logs FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from chaos import scenarios, table
from chaos.invariants import Finding
from chaos.run import play
from chaos.scenario import SCENARIOS, Scenario

__all__ = ["scenarios"]


async def run(chosen: list[Scenario], options: argparse.Namespace) -> list[Finding]:
    """Some at a time, as they mostly wait; those with an engine, which take longest, one by one beside them."""
    room, engine = asyncio.Semaphore(options.at_once), asyncio.Semaphore()

    async def one(scenario: Scenario) -> Finding:
        async with engine if scenario.setting.engine else room:
            began = time.monotonic()
            finding = await play(scenario, options.seed, options.keep_logs)
            took = time.monotonic() - began
            print(f"{scenario.name}: {scenario.about}: {finding.verdict} ({took:.0f} s)", flush=True)
            return finding

    async with asyncio.TaskGroup() as tasks:
        findings = [tasks.create_task(one(scenario)) for scenario in chosen]
    return [finding.result() for finding in findings]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, _end)
    if options.keep_logs:
        options.keep_logs.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in SCENARIOS.values() if one.short or not options.short]
    if options.only:
        chosen = [SCENARIOS[name] for name in options.only]
    print(f"seed {options.seed}", flush=True)
    findings = asyncio.run(run(chosen, options))
    print(f"\n{table.text(findings)}")
    if options.json:
        table.write_json(options.json, findings, f"make chaos SEED={options.seed}")
    return 1 if any(one.faults for one in findings) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Break things, and see what holds.")
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--short", action="store_true", help="those that matter most, in under 90 seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="scenarios that run beside each other")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--keep-logs", type=Path, metavar="FOLDER", help="copy the proxies' logs there")
    return parser.parse_args()


def _end(number: int, _: FrameType | None) -> None:
    """An exception, so that everything started is ended on the way out."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

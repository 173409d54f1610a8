"""The promise of the `objective` policy on made-up traffic: `python loadtests/promise.py [NAME ...]`.

Writes a table into docs/scaling.md; a cell is the cost as a multiple of the zero-wait oracle / the share that waited
longer than 5 s. Half an hour for all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from bench import document
from made_up_traces import TRACES, made_up
from scaling import DOCUMENT, plan

from proxy.simulation.oracle import zero_wait_seconds
from proxy.simulation.replay import Conditions, replay
from proxy.simulation.trace import Call

COLD_STARTS = (3.0, 30.0, 120.0)
_WARM_UP_SECONDS = 600.0
_OBJECTIVE: Mapping[str, object] = {"policy": "objective"}
_PREDICTIVE: Mapping[str, object] = {**_OBJECTIVE, "predictive": True, "cooldown_seconds": 60}


def rows(name: str) -> Iterator[str]:
    calls = made_up(name)
    first_line = (TRACES[name].__doc__ or "").splitlines()[0].rstrip(".")
    yield _row(f"{name}: {first_line[0].lower()}{first_line[1:]}", calls, _OBJECTIVE)
    if name == "batches":
        yield _row(f"{name}, with `predictive`", calls, _PREDICTIVE)


def _row(name: str, calls: Sequence[Call], given: Mapping[str, object]) -> str:
    cells = " | ".join(_cell(calls, given, Conditions(seconds, _WARM_UP_SECONDS)) for seconds in COLD_STARTS)
    line = f"| {name} | {len(calls)} | {cells} |"
    print(line, flush=True)
    return line


def _cell(calls: Sequence[Call], given: Mapping[str, object], conditions: Conditions) -> str:
    outcome = replay(calls, plan("", 1, given), conditions)
    cost = outcome.replica_seconds / zero_wait_seconds(calls, 1, conditions)
    return f"{cost:.2f} / {100 * outcome.late_share:.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*TRACES, []], help="only print these")
    names = parser.parse_args().names
    heading = ["| traffic | requests | 3 s | 30 s | 120 s |", "| --- |" + " --- |" * (1 + len(COLD_STARTS))]
    lines = [line for name in names or TRACES for line in rows(name)]
    if not names:
        document.write("promise", "\n".join([*heading, *lines]), DOCUMENT)


if __name__ == "__main__":
    main()

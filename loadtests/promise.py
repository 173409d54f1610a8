"""The promise of the `objective` policy on made-up traffic: `python loadtests/promise.py [NAME ...]`.

Writes a table into docs/scaling.md; a cell is the cost as a multiple of the zero-wait oracle / the share that waited
longer than 5 s / the share of which nobody could have foreseen it. With `--traces FOLDER` real ones are put together,
too: each repeated for a day, and the first, the second and the first again with a night between. All of them take
hours, most of it `week` and `batches`, and what lasts a day.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from pathlib import Path

from bench import document
from foresight import unforeseeable_share
from made_up_traces import TRACES, after_nights, made_up, repeated
from scaling import DOCUMENT, plan

from proxy.simulation.oracle import zero_wait_seconds
from proxy.simulation.replay import Conditions, replay
from proxy.simulation.trace import Call, read_trace

COLD_STARTS = (3.0, 30.0, 120.0)
CONCURRENCIES = (1, 8)
SETTINGS = tuple(product(CONCURRENCIES, COLD_STARTS))
_WARM_UP_SECONDS = 600.0
_OBJECTIVE: tuple[tuple[str, object], ...] = (("policy", "objective"),)
_PREDICTIVE = (*_OBJECTIVE, ("predictive", True), ("cooldown_seconds", 60))
Made = Callable[[], Sequence[Call]]


def traffic(folder: Path | None) -> dict[str, Made]:
    """By name; in words the first line of what makes it."""
    known: dict[str, Made] = {name: partial(made_up, name) for name in TRACES}
    files = sorted(folder.glob("*.csv")) if folder else []
    for file in files:
        known[f"{file.stem}-all-day"] = partial(lambda file: repeated(read_trace(file)), file)
    if len(files) > 1:
        known["nights"] = lambda: after_nights([read_trace(file) for file in (*files[:2], files[0])])
    return known


@dataclass(frozen=True)
class Row:
    """One line of the table: traffic by its name, under settings for the policy."""

    name: str
    folder: Path | None
    given: tuple[tuple[str, object], ...] = _OBJECTIVE
    remark: str = ""

    def written(self, pool: Executor) -> str:
        """Its cells, one to a processor, are printed as they come."""
        line = f"| {self.name}{_in_words(self.name)}{self.remark} | {len(_calls(self.name, self.folder))} |"
        print(line, end="", flush=True)
        for cell in pool.map(partial(_cell, self), SETTINGS):
            print(cell, end="", flush=True)
            line += cell
        print()
        return line


def rows(names: Sequence[str], folder: Path | None) -> Iterator[Row]:
    for name in names:
        yield Row(name, folder)
        if name == "batches":
            yield Row(name, folder, _PREDICTIVE, ", with `predictive`")


def _in_words(name: str) -> str:
    if name not in TRACES:
        return ""
    first_line = (TRACES[name].__doc__ or "").splitlines()[0].rstrip(".")
    return f": {first_line[0].lower()}{first_line[1:]}"


@lru_cache(maxsize=1)
def _calls(name: str, folder: Path | None) -> Sequence[Call]:
    return traffic(folder)[name]()


def _cell(row: Row, setting: tuple[int, float]) -> str:
    concurrency, cold_start = setting
    calls, conditions = _calls(row.name, row.folder), Conditions(cold_start, _WARM_UP_SECONDS)
    tried = plan("", concurrency, dict(row.given))
    outcome = replay(calls, tried, conditions)
    cost = outcome.replica_seconds / zero_wait_seconds(calls, concurrency, conditions)
    unforeseeable = unforeseeable_share(calls, concurrency, conditions, tried.scaling.wait_seconds)
    return f" {cost:.2f} / {100 * outcome.late_share:.2f} / {100 * unforeseeable:.2f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only print these")
    parser.add_argument("--traces", type=Path, metavar="FOLDER", help="folder with real traces as CSV files")
    options = parser.parse_args()
    known = traffic(options.traces)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no {unknown[0]}: choose from {', '.join(known)}")
    columns = [f"{concurrency} each, {seconds:g} s" for concurrency, seconds in SETTINGS]
    heading = [f"| traffic | requests | {' | '.join(columns)} |", "| --- |" + " --- |" * (1 + len(columns))]
    with ProcessPoolExecutor() as pool:
        lines = [row.written(pool) for row in rows(options.names or list(known), options.traces)]
    if not options.names:
        document.write("promise", "\n".join([*heading, *lines]), DOCUMENT)


if __name__ == "__main__":
    main()

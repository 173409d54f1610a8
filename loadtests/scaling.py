"""Every scaling policy and other autoscalers' algorithms on real traces: `make bench-scaling TRACES=folder`.

Prints a table for each replica_concurrency and cold start, and writes them into docs/scaling.md. Each cell is the
cost as a multiple of the zero-wait oracle / mean wait in seconds / 99th percentile / share that waited over 5 s.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

from bench import document
from bench.machine import description
from bench.result import Result
from bench.table import Table as Figures

from proxy.config import Scaling
from proxy.core.autoscaler.policy import Policy
from proxy.core.balancers.first_available import FirstAvailable
from proxy.simulation.baselines import BASELINES
from proxy.simulation.oracle import zero_wait_seconds
from proxy.simulation.outcome import Outcome
from proxy.simulation.replay import Conditions, Plan, replay
from proxy.simulation.trace import Call, read_trace

DOCUMENT = Path(__file__).parent.parent / "docs" / "scaling.md"
PROMISED_SHARE = 0.01
PROMISE = "`objective`: P(wait > 5 s) ≤ 1 %"
_UNLIMITED = 10**9
_THIRTY = {"evaluation_interval_seconds": 30}

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "`target`: 100, interval 30, cooldown 60": {"cooldown_seconds": 60, **_THIRTY},
    "`target`: 100, interval 30, cooldown 600": {"cooldown_seconds": 600, **_THIRTY},
    "`target` with `predictive`, cooldown 60": {"cooldown_seconds": 60, "predictive": True, **_THIRTY},
    "`load-thresholds` defaults": {"policy": "load-thresholds"},
    "`objective`, price 1": {"policy": "objective", "wait_price": 1},
    "`objective`, price 10": {"policy": "objective", "wait_price": 10},
    "`objective`, price 100": {"policy": "objective", "wait_price": 100},
    PROMISE: {"policy": "objective"},
}
OTHERS = {"knative": "Knative default", "hpa": "Kubernetes HPA 70 %", "ray": "Ray Serve defaults, target 1"}


def plan(name: str, concurrency: int, given: Mapping[str, object], policy: Policy | None = None) -> Plan:
    limits = {"replica_concurrency": concurrency, "max_replicas": 2000}
    scaling = Scaling.model_validate(limits | dict(given))
    return Plan(
        name=name,
        policy_name=scaling.policy,
        scaling=scaling,
        make_balancer=FirstAvailable,
        queue_length=_UNLIMITED,
        queue_seconds=float(_UNLIMITED),
        recalls=False,
        policy=policy,
    )


def plans(concurrency: int) -> Iterator[Plan]:
    """A fresh one for each run: baselines remember."""
    for key, name in OTHERS.items():
        baseline = BASELINES[key]
        theirs = plan(name, concurrency, {}, baseline.make(concurrency))
        yield replace(theirs, first_look_seconds=baseline.first_look_seconds)
    for name, given in SETTINGS.items():
        yield plan(name, concurrency, given)


class Table:
    """One concurrency and cold start on all traces."""

    def __init__(self, concurrency: int, conditions: Conditions, traces: Mapping[str, Sequence[Call]]) -> None:
        self.concurrency = concurrency
        self.conditions = conditions
        self.oracles = [zero_wait_seconds(calls, concurrency, conditions) for calls in traces.values()]
        self.rows: dict[str, list[Outcome]] = {}
        for number in range(len(SETTINGS) + len(OTHERS)):
            for calls in traces.values():
                tried = list(plans(concurrency))[number]
                self.rows.setdefault(tried.name, []).append(replay(calls, tried, conditions))
        self._names = list(traces)

    def lines(self) -> Iterator[str]:
        yield f"**replica_concurrency {self.concurrency}, cold start {self.conditions.cold_start:g} s**"
        yield ""
        yield f"| policy | {' | '.join(self._names)} |"
        yield "| --- |" + " --- |" * len(self._names)
        oracles = " | ".join(f"{seconds:.0f}" for seconds in self.oracles)
        yield f"| zero-wait oracle, replica-seconds | {oracles} |"
        for name, outcomes in self.rows.items():
            cells = " | ".join(map(_cell, outcomes, self.oracles))
            yield f"| {name} | {cells} |"
        yield ""


def _cell(outcome: Outcome, oracle: float) -> str:
    waits = outcome.waits
    cost = outcome.replica_seconds / oracle
    return f"{cost:.2f} / {waits.mean:.2f} / {waits.p99:.1f} / {100 * outcome.late_share:.1f} %"


def summary(tables: Sequence[Table]) -> Iterator[str]:
    """Over all settings: the geometric mean of the cost, and in how many the promise was kept."""
    yield "| policy | mean cost (geometric) | settings with at most 1 % over 5 s |"
    yield "| --- | --- | --- |"
    for name in tables[0].rows:
        pairs = [pair for table in tables for pair in zip(table.rows[name], table.oracles, strict=True)]
        mean = math.exp(sum(math.log(outcome.replica_seconds / oracle) for outcome, oracle in pairs) / len(pairs))
        kept = sum(outcome.late_share <= PROMISED_SHARE for outcome, _ in pairs)
        yield f"| {name} | {mean:.2f} × | {kept} of {len(pairs)} |"
    yield ""


def measured(warm_up: float, traces: Mapping[str, Sequence[Call]], setting: tuple[int, float]) -> Table:
    """In a process of its own: a core for each."""
    concurrency, cold_start = setting
    return Table(concurrency, Conditions(cold_start, warm_up), traces)


def result(tables: Sequence[Table]) -> Result:
    """The summary: a row for each policy, without Markdown's marks."""
    _, _, *rows = (line.strip("| ").split(" | ") for line in summary(tables) if line)
    note = (
        "A setting is a replica_concurrency and a cold start on one of the traces; cost is a multiple of the zero-wait "
        "oracle's. [Scaling](scaling.md#figures) has all figures."
    )
    header = ("policy", "mean cost ×", "settings with at most 1 % over 5 s")
    texts = [[cell.replace("`", "").removesuffix(" ×") for cell in row] for row in rows]
    return Result("Scaling", "make bench-scaling", description(), {"scaling": Figures(header, texts, note)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with traces as CSV files")
    parser.add_argument("--warm-up", type=float, default=600.0)
    parser.add_argument("--short", action="store_true", help="one setting, and nothing is written into docs/scaling.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary into a file")
    options = parser.parse_args()
    traces = {file.stem: read_trace(file) for file in sorted(options.folder.glob("*.csv"))}
    if not traces:
        parser.error(f"{options.folder} holds no trace: name a folder with files such as azure_code.csv")
    settings = [(1, 30.0)] if options.short else list(product((1, 8), (3.0, 30.0, 120.0)))
    tables = []
    with ProcessPoolExecutor() as processes:
        for table in processes.map(partial(measured, options.warm_up, traces), settings):
            print("\n".join(table.lines()), flush=True)
            tables.append(table)
    lines = [*summary(tables), *(line for table in tables for line in table.lines())]
    print("\n".join(summary(tables)))
    if options.json:
        result(tables).write(options.json)
    if not options.short:
        document.write("figures", "\n".join(lines).strip(), DOCUMENT)


if __name__ == "__main__":
    main()

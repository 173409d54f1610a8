"""How long requests wait for one of 8 replicas with one slot each, beside the best possible, HAProxy and nginx.

Usage: python loadtests/scheduling.py [--short] [--seed 1] [--json FILE]

All proxies are given the same arrivals and service times at the same time, each with replicas of its own. The optimum
is one line, first in, first out, that loses no time between two requests, reckoned for the very arrivals and service
times that the replicas measured: noise is the same on both sides. Exits with 1 if a replica had two requests at once.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence

from bench import command
from bench.machine import description
from bench.peers import NGINX
from bench.programs import find_programs
from bench.result import Curve, Result
from bench.table import Table
from queueing.comparison import Comparison
from queueing.field import Contestant, field, replay_at_all
from queueing.optimum import Percentiles, dealt_in_turn, in_theory, percentiles
from queueing.proxies import OURS, limited_proxies
from queueing.workload import DISTRIBUTIONS, Workload

REPLICAS, MEAN_SECONDS = 8, 0.2
SECONDS_BY_LOAD = {0.5: 20.0, 0.8: 30.0, 0.95: 60.0}
SHORT_SECONDS = 3.0
GOAL = 1.05
CURVE_POINTS = 45
OPTIMUM, THEORY, DEALT = "the optimum", "in theory, without end", "dealt out without a limit (simulated)"


class Round:
    """One workload at all proxies."""

    def __init__(self, workload: Workload, contestants: Sequence[Contestant], seconds: float, seed: int) -> None:
        self.workload = workload
        calls = workload.draw(max(1, round(seconds * workload.rate)), seed)
        self.count = len(calls)
        replayed = replay_at_all(contestants, calls)
        self.refused = {name: one.failures / self.count for name, one in replayed.items()}
        self.compared = {name: Comparison(one.samples, REPLICAS) for name, one in replayed.items()}
        self.late_ms = 1e3 * max(one.lag.p99 for one in replayed.values() if one.lag)
        self.theory = in_theory(workload, max(20_000, round(seconds * 30_000)))
        self.dealt = percentiles(dealt_in_turn(calls, REPLICAS))

    @property
    def best(self) -> Percentiles:
        return self.compared[OURS[0]].best

    def cell(self, name: str) -> tuple[str, str]:
        """50th and 99th percentile in milliseconds."""
        fixed = {OPTIMUM: self.best, THEORY: self.theory, DEALT: self.dealt}
        return _milliseconds(fixed.get(name) or self.compared[name].seen)


def _milliseconds(seen: Percentiles) -> tuple[str, str]:
    return f"{1e3 * seen.p50:,.1f}", f"{1e3 * seen.p99:,.1f}"


def waits(rounds: Sequence[Round], load: float) -> Table:
    """Percentiles of all at one load."""
    chosen = [one for one in rounds if one.workload.load == load]
    names = [THEORY, OPTIMUM, *chosen[0].compared, DEALT]
    header = ["ms in line", *(f"{one.workload.distribution} {what}" for one in chosen for what in ("p50", "p99"))]
    rows = [[name, *(text for one in chosen for text in one.cell(name)), _refused(chosen, name)] for name in names]
    counts = ", ".join(f"{one.count:,}" for one in chosen)
    late = max(one.late_ms for one in chosen)
    note = (
        f"{load:.0%} load: {counts} requests at each proxy. From the send to the moment in which the replica begins; "
        f"the client sent 99 % of them less than {late:.1f} ms late, and waits count from the send."
    )
    return Table([*header, "refused"], rows, note)


def _refused(chosen: Sequence[Round], name: str) -> str:
    share = max(one.refused.get(name, 0.0) for one in chosen)
    return f"{share:.0%}" if share else "–"


def ratios(rounds: Sequence[Round]) -> Table:
    """The 99th percentile of everybody that has a queue as a multiple of the optimum's."""
    names = [name for name in rounds[0].compared if name != NGINX]
    header = ["p99 ÷ optimum", *(f"{one.workload.distribution} {one.workload.load:.0%}" for one in rounds)]
    rows = [[name, *(_ratio(one.compared[name]) for one in rounds), _handover(rounds, name)] for name in names]
    ours = [one for one in (each.compared[name] for each in rounds for name in OURS) if one.ratio is not None]
    within = sum(one.ratio is not None and one.ratio <= GOAL for one in ours)
    adjusted = [one.ratio_with_handover() for one in ours]
    explained = sum(ratio is not None and ratio <= GOAL for ratio in adjusted)
    note = (
        "In brackets: the interval with 90 % confidence (block bootstrap of the paired waits). A hand-over is "
        "the mean time that a replica idled between two requests while the second was waiting: through the proxy "
        "twice, and what the replica itself takes to write and to read; at the highest load. "
        f"{within} of {len(ours)} of Tidegate's figures are at most {GOAL:.2f}; {explained} are so beside an optimum "
        "that loses one hand-over with each request."
    )
    return Table([*header, "hand-over µs"], rows, note)


def _ratio(one: Comparison) -> str:
    if one.ratio is None:
        return "–"
    low, high = one.interval()
    return f"{one.ratio:.3f} ({low:.2f}–{high:.2f})"


def _handover(rounds: Sequence[Round], name: str) -> str:
    measured = [one.compared[name].handover for one in rounds if one.workload.load == max(SECONDS_BY_LOAD)]
    return f"{1e6 * sum(measured) / len(measured):,.0f}"


def curves(rounds: Sequence[Round]) -> list[Curve]:
    """The share that waited longer, at the highest load."""
    drawn = []
    for one in rounds:
        if one.workload.load != max(SECONDS_BY_LOAD):
            continue
        lines: Mapping[str, Sequence[float]] = {
            OPTIMUM: one.compared[OURS[0]].best_waits,
            **{name: seen.waits for name, seen in one.compared.items() if name != NGINX},
        }
        drawn += [_curve(one.workload.distribution, name, values) for name, values in lines.items()]
    return drawn


def _curve(panel: str, name: str, values: Sequence[float]) -> Curve:
    """Milliseconds, and the share above them, from all down to one in a thousand in even steps of its logarithm."""
    ordered = sorted(values)
    shares = [10 ** (-3 * step / CURVE_POINTS) for step in range(CURVE_POINTS + 1)]
    places = [min(len(ordered) - 1, int(len(ordered) * (1 - share))) for share in shares]
    return Curve(panel, name, [round(1e3 * ordered[place], 2) for place in places], [round(one, 5) for one in shares])


def measure(short: bool, seed: int) -> Result:
    programs = find_programs(with_envoy=False)
    rounds = []
    with field(limited_proxies(programs), REPLICAS) as contestants:
        for load, seconds in SECONDS_BY_LOAD.items():
            for distribution in DISTRIBUTIONS:
                print(f"{distribution} service times at {load:.0%} load", file=sys.stderr)
                workload = Workload(distribution, load, REPLICAS, MEAN_SECONDS)
                rounds.append(Round(workload, contestants, SHORT_SECONDS if short else seconds, seed))
        overlaps = {one.name: count for one in contestants if (count := one.overlaps())}
    tables = {"scheduling": ratios(rounds)}
    tables |= {f"scheduling-{load * 100:.0f}": waits(rounds, load) for load in SECONDS_BY_LOAD}
    asked = shlex.join(["python", "loadtests/scheduling.py", *(["--short"] if short else []), "--seed", str(seed)])
    faults = [f"{name} gave a replica a second request {count} times." for name, count in overlaps.items()]
    return Result("Scheduling", asked, description(programs), tables, curves(rounds), faults=faults)


def main() -> int:
    parser = command.parser("The scheduling benchmark.", "three seconds of each load, under a minute in all")
    parser.add_argument("--seed", type=int, default=1, help="of arrivals and service times")
    options = parser.parse_args()
    return command.run(lambda: measure(options.short, options.seed), options.json)


if __name__ == "__main__":
    sys.exit(main())

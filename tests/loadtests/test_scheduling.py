"""loadtests/scheduling.py: its tables and curves from one round."""

from __future__ import annotations

import pytest
import scheduling
from bench.peers import NGINX
from openloop.result import Result, Sample
from queueing.field import Contestant
from queueing.proxies import OURS
from queueing.workload import Workload
from scheduling import DEALT, OPTIMUM, THEORY, Round, curves, ratios, waits

from proxy.simulation.trace import Call


def replayed(delay: float, refused: int) -> Result:
    """Eight requests of a second each at one replica, with `delay` between two; some others refused."""
    served = [Sample(0.1 * at, 0.0, 0.0, 1.0, 200, "", at * (1 + delay), "1") for at in range(8)]
    return Result([*served, *[Sample(0.0, 0.0, 0.0, 0.0, 502, "")] * refused], 1.0)


@pytest.fixture
def one_round(monkeypatch: pytest.MonkeyPatch) -> Round:
    def everybody(_: object, calls: list[Call]) -> dict[str, Result]:
        return {**{name: replayed(0.01, 0) for name in OURS}, NGINX: replayed(0.0, len(calls) // 2)}

    monkeypatch.setattr(scheduling, "REPLICAS", 1)
    monkeypatch.setattr(scheduling, "replay_at_all", everybody)
    return Round(Workload("exponential", 0.95, 8, 0.2), [Contestant("any", 1, [2])], seconds=1.0, seed=1)


def test_a_table_of_waits_has_everybody_and_what_was_refused(one_round: Round) -> None:
    table = waits([one_round], 0.95)
    assert [row[0] for row in table.rows] == [THEORY, OPTIMUM, *OURS, NGINX, DEALT]
    assert [row[-1] for row in table.rows if row[0] == NGINX] == ["50%"]


def test_ratios_tell_who_is_within_the_goal_and_how_long_a_handover_took(one_round: Round) -> None:
    table = ratios([one_round])
    assert [row[0] for row in table.rows] == list(OURS)
    assert {row[-1] for row in table.rows} == {"10,000"}
    assert "4 of 4 of Tidegate's figures are at most 1.05" in table.note


def test_curves_go_down_from_all_to_one_in_a_thousand(one_round: Round) -> None:
    drawn = curves([one_round])
    assert {curve.name for curve in drawn} == {OPTIMUM, *OURS}
    assert all(list(curve.x) == sorted(curve.x) and curve.y[0] == 1 and curve.y[-1] == 0.001 for curve in drawn)

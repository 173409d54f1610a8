"""loadtests/queueing/optimum.py: the line that loses no time, and Erlang's formula."""

from __future__ import annotations

import pytest
from queueing.optimum import central_queue, dealt_in_turn, exponential_wait, in_theory, percentiles, waiting_probability
from queueing.workload import Workload

CALLS = [(0.0, 10.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]


def test_one_line_gives_the_next_request_to_whoever_is_free_first() -> None:
    assert central_queue(CALLS, servers=2) == [0, 0, 0, 0]
    assert central_queue(CALLS, servers=1) == [0, 9, 9, 9]


def test_who_is_dealt_out_waits_behind_a_long_one_beside_a_free_server() -> None:
    assert dealt_in_turn(CALLS, servers=2) == [0, 0, 8, 0]


def test_with_one_server_the_share_that_waits_is_the_load() -> None:
    assert waiting_probability(1, 0.8) == pytest.approx(0.8)


def test_erlang_c_is_that_of_the_tables() -> None:
    assert waiting_probability(8, 0.75) == pytest.approx(0.35698, abs=1e-5)  # 8 servers, 6 erlangs


def test_formula_and_simulation_agree() -> None:
    workload = Workload("exponential", 0.5, 8, 0.1)
    waits = central_queue(workload.draw(60_000, seed=1), servers=8)
    assert percentiles(waits).p99 == pytest.approx(exponential_wait(workload, 0.99), rel=0.1)


def test_who_is_rarely_made_to_wait_has_a_median_of_none() -> None:
    assert in_theory(Workload("exponential", 0.5, 8, 0.1)).p50 == 0


def test_longer_tails_wait_longer_at_the_same_load() -> None:
    heavy = in_theory(Workload("bimodal", 0.8, 8, 0.1), requests=50_000)
    assert heavy.p99 > exponential_wait(Workload("exponential", 0.8, 8, 0.1), 0.99)

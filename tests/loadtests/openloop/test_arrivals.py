"""loadtests/openloop/arrivals.py: when requests are due."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
from openloop.arrivals import faster, fixed, poisson

from proxy.simulation.trace import Call


def test_a_fixed_rate_has_equal_gaps() -> None:
    calls = fixed(4, 1.1, Random(1))
    assert [call.arrival for call in calls] == [0.25, 0.5, 0.75, 1.0]
    assert all(math.isnan(call.service) for call in calls)


def test_poisson_arrivals_have_their_rate_and_gaps_as_various_as_long() -> None:
    due = [0.0, *(call.arrival for call in poisson(100, 200, Random(1)))]
    gaps = [later - earlier for earlier, later in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(0.01, rel=0.03)
    assert deviation == pytest.approx(mean, rel=0.03)


def test_a_seed_gives_the_same_arrivals_and_service_times_again() -> None:
    first, second = (poisson(50, 1, Random(7), lambda random: random.random()) for _ in range(2))
    assert first == second


def test_a_trace_that_runs_faster_keeps_its_load() -> None:
    assert faster([Call(0, 2), Call(10, 4), Call(40, 1)], speed=10, seconds=3) == [Call(0, 0.2), Call(1, 0.4)]

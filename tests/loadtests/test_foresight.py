from __future__ import annotations

from itertools import chain

import pytest
from foresight import unforeseeable_share

from proxy.simulation.replay import Conditions
from proxy.simulation.trace import Call

CONDITIONS = Conditions(cold_start=30.0, warm_up=150.0)


def burst(begin: float, requests: int) -> list[Call]:
    return [Call(begin + number / 100, 10.0) for number in range(requests)]


def share(*calls: list[Call], concurrency: int = 1) -> float:
    trace = [Call(0.0, 1.0), *chain(*calls)]
    return unforeseeable_share(trace, concurrency, CONDITIONS, 5.0)


def test_who_needs_more_than_was_ever_needed_is_late() -> None:
    assert share(burst(200.0, 4)) == pytest.approx(3 / 4)


def test_what_was_needed_once_could_have_been_kept() -> None:
    assert share(burst(200.0, 4), burst(90_000.0, 4)) == pytest.approx(3 / 8)


def test_a_larger_one_than_ever_is_late_by_as_much_as_it_is_larger() -> None:
    assert share(burst(200.0, 4), burst(90_000.0, 6)) == pytest.approx(5 / 10)


def test_a_replica_serves_several() -> None:
    assert share(burst(200.0, 4), concurrency=4) == 0

"""What answers to probes mean, and the pauses between them."""

from __future__ import annotations

import pytest

from proxy.core.probe import judge, start_pause_seconds


def test_a_no_carries_the_first_line_of_what_it_said() -> None:
    answer = judge("/ready", 503, b"loading\nweights")
    assert (answer.passed, answer.text) == (False, "/ready answered 503: loading")


def test_a_yes_that_says_ready_false_is_a_no() -> None:
    assert not judge("/ready", 200, b'{"ready": false}').passed


@pytest.mark.parametrize(("age", "pause"), [(0.0, 0.005), (1.0, 0.02), (2.5, 0.05), (600.0, 0.05)])
def test_a_starting_replica_is_asked_more_seldom_with_age(age: float, pause: float) -> None:
    assert start_pause_seconds(age) == pytest.approx(pause)

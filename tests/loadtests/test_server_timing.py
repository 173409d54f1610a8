"""loadtests/server_timing.py: what the proxy says of a request's time."""

from __future__ import annotations

import pytest
from server_timing import durations


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("queue;dur=1.5, replica;dur=20", {"queue": 1.5, "replica": 20}),
        ('queue;desc="a wait";dur=2,cold;dur=900', {"queue": 2, "cold": 900}),
        ("hit", {}),
        ("", {}),
    ],
)
def test_durations_are_told_by_name(field: str, expected: dict[str, float]) -> None:
    assert durations(field) == expected

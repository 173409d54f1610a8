from __future__ import annotations

import pytest

from proxy.core.autoscaler.limits import NO_OVERRIDE, Limits, Override, limits_at
from tests.core.autoscaler.looks import EPOCH, Autoscaler, settings

NIGHTLY = {"start": "22:00", "end": "06:00"}
SCHEDULED = settings(min_replicas=1, max_replicas=4, schedule=[{"min_replicas": 2, "max_replicas": 8}])


def test_the_settings_hold_where_nothing_else_is_said() -> None:
    assert limits_at(settings(min_replicas=1, max_replicas=4), EPOCH, NO_OVERRIDE) == Limits(1, 4)


def test_the_schedule_goes_before_the_settings() -> None:
    assert limits_at(SCHEDULED, EPOCH, NO_OVERRIDE) == Limits(2, 8, " by the schedule", " by the schedule")


def test_a_rule_may_leave_a_limit_as_it_is() -> None:
    assert limits_at(settings(schedule=[{"min_replicas": 2}]), EPOCH, NO_OVERRIDE) == Limits(2, 100, " by the schedule")


def test_what_is_set_by_hand_goes_before_the_schedule() -> None:
    assert limits_at(SCHEDULED, EPOCH, Override(3, None)) == Limits(3, 8, " by hand", " by the schedule")


@pytest.mark.parametrize(
    ("override", "expected"),
    [(Override(9, None), (9, 9)), (Override(None, 1), (1, 1)), (Override(0, 20), (0, 20)), (Override(0, 1), (0, 1))],
)
def test_a_limit_that_is_crossed_by_hand_follows(override: Override, expected: tuple[int, int]) -> None:
    limits = limits_at(SCHEDULED, EPOCH, override)
    assert (limits.min_replicas, limits.max_replicas) == expected


def test_a_schedule_across_midnight_sets_the_least_and_the_most() -> None:
    """EPOCH is midnight UTC: the rule that began at 22:00 holds until 06:00."""
    autoscaler = Autoscaler(cooldown_seconds=0, schedule=[NIGHTLY | {"min_replicas": 3, "max_replicas": 5}])
    decisions = [autoscaler.at(hour * 3600.0) for hour in (1, 5.999, 6, 21.999, 22)]
    assert [decision.desired for decision in decisions] == [3, 3, 0, 0, 3]
    assert decisions[0].reason.endswith("raised to min_replicas 3 by the schedule")
    assert autoscaler.at(23 * 3600, in_flight=9).reason.endswith("clamped to max_replicas 5 by the schedule")


def test_decisions_say_what_was_set_by_hand() -> None:
    autoscaler = Autoscaler().sees(override=Override(2, 4))
    assert autoscaler.at(1).reason.endswith("raised to min_replicas 2 by hand")
    decision = autoscaler.at(2, queued=9)
    assert (decision.desired, decision.clamp) == (4, "max_replicas")
    assert decision.reason.endswith("clamped to max_replicas 4 by hand")

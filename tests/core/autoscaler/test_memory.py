"""What is remembered when the settings change."""

from __future__ import annotations

import pytest

from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.memory import Memory
from tests.core.autoscaler.looks import observed, settings

_LOAD = {"policy": "load-thresholds", "scale_up_delay_seconds": 60, "scale_down_delay_seconds": 60}


def test_the_mean_and_the_cooldown_go_on_over_other_settings() -> None:
    before, after = (
        settings(evaluation_interval_seconds=30),
        settings(evaluation_interval_seconds=60, cooldown_seconds=90),
    )
    _, memory = decide(before, observed(30.0, in_flight=4), Memory.fresh(before, 0.0), 30.0)
    followed = memory.follow(before, after, 30.0)
    wanted = [decide(after, observed(30.0), mem, 60.0)[0].desired for mem in (followed, Memory.fresh(after, 30.0))]
    assert wanted == [4, 0]


@pytest.mark.parametrize("other", [_LOAD, {"scaling_metric": "requests_per_second"}])
def test_another_policy_or_metric_begins_anew(other: dict[str, object]) -> None:
    before, after = settings(), settings(**other)
    _, memory = decide(before, observed(30.0, in_flight=4), Memory.fresh(before, 0.0), 30.0)
    assert memory.follow(before, after, 30.0).policy == Memory.fresh(after, 30.0).policy


def test_a_load_that_was_high_for_a_while_counts_under_other_delays() -> None:
    before, after = settings(**_LOAD), settings(**_LOAD | {"scale_up_delay_seconds": 30})
    _, memory = decide(before, observed(30.0, in_flight=4), Memory.fresh(before, 0.0), 30.0)
    assert memory.follow(before, after, 30.0).policy != Memory.fresh(after, 30.0).policy

"""Decisions of the admin API in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from click import unstyle

from proxy.cli.explain import story
from proxy.core.autoscaler.decision import Decision, Term
from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.record import Records
from tests.core.autoscaler.looks import EPOCH, Autoscaler, observed


def decisions() -> list[dict[str, object]]:
    """Nothing for 5 s, three requests of which one may start a replica, and nothing again."""
    autoscaler, records = Autoscaler(max_replicas=1), Records()
    for second, queued in enumerate((0, 0, 0, 0, 0, 0, 3)):
        seen = replace(observed(1, queued=queued), wall=EPOCH + timedelta(seconds=second), oldest_wait_seconds=0.25)
        seen = replace(seen, cold_start=ColdStart(3.21), service_seconds=0.5, cpu_ratio=0.42)
        records.note(seen, autoscaler.look(seen, second))
    return [record.document() for record in records]


def test_nothing_is_said_of_nothing() -> None:
    assert list(story([])) == ["nothing was decided yet"]


def test_each_decision_is_told_with_its_reason_what_was_seen_and_what_every_rule_wanted() -> None:
    lines = list(map(unstyle, story(decisions())))
    assert lines[0].endswith("  0 replicas, and so for 5 s (6 looks)")
    assert lines[4].endswith("  0 → 1 replica")
    assert lines[5:] == [
        "    because queue wants 3: 0 in flight + 3 queued ÷ 1 per replica; clamped to max_replicas 1",
        "    seen: 0 in flight, 3 queued; 0 ready, 0 starting, 0 draining; the oldest waits 0.2 s; "
        "a request takes 0.5 s; a cold start takes 3.21 s; cpu at 42 %",
        "    wanted: queue 3, concurrency 1 (from 0 to 1 allowed); the last word had max_replicas",
    ]


def test_a_number_that_stays_is_no_change() -> None:
    records = Records()
    for clamp in ("", "cooldown"):
        records.note(observed(1), Decision(2, (Term("queue", 2, "so"),), clamp, "so", 0, Limits(0, 9)))
    lines = list(map(unstyle, story([record.document() for record in records])))
    assert lines[4].endswith("  2 replicas")

"""Which decisions are kept, and as what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from proxy.core.autoscaler.decision import Decision, Term
from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.forecast import Forecast
from proxy.core.autoscaler.limits import Limits
from proxy.core.autoscaler.record import RECORDS_KEPT, Records
from proxy.core.journal import Entry, Kind
from tests.core.autoscaler.looks import EPOCH, observed


def note(records: Records, second: int, desired: int, clamp: str = "") -> None:
    seen = replace(observed(1, second), wall=EPOCH + timedelta(seconds=second))
    records.note(seen, Decision(desired, (Term("queue", desired, "so"),), clamp, "so it is", second, Limits(0, 9)))


def test_a_decision_that_repeats_the_one_before_is_counted_not_kept() -> None:
    records = Records()
    for second, desired in enumerate((0, 0, 0, 2, 2, 0)):
        note(records, second, desired)
    assert [(record.decision.desired, record.looks) for record in records] == [(0, 3), (2, 2), (0, 1)]
    assert records[0].until == EPOCH + timedelta(seconds=2)
    assert records[1].seen.in_flight == 3  # as it was first decided


def test_another_clamp_is_another_decision() -> None:
    records = Records()
    for second, clamp in enumerate(("", "cooldown", "cooldown")):
        note(records, second, 2, clamp)
    assert [record.decision.clamp for record in records] == ["", "cooldown"]


def test_the_last_one_is_whole_also_where_it_repeats() -> None:
    records = Records()
    note(records, 1, 2)
    note(records, 2, 2)
    assert records.last is not None
    assert records.last.observed == 2


def test_the_oldest_are_forgotten() -> None:
    records = Records()
    for second in range(RECORDS_KEPT + 5):
        note(records, second, second)
    assert (len(records), records[0].decision.desired) == (1000, 5)


def test_the_document_is_json_and_holds_every_input() -> None:
    cold = ColdStart(3.0, {"create": 0.0, "start": 1.0, "load": 2.0})
    seen = replace(observed(1, 2, 1), wall=EPOCH, cold_start=cold, service_seconds=0.12345)
    record = Records().note(seen, Decision(1, (Term("queue", 3, "so"),), "max_replicas", "so", 0.5, Limits(0, 1)))
    document = json.loads(json.dumps(record.document()))
    assert document["at"] == "2026-01-01T00:00:00.000+00:00"
    assert document["terms"] == [{"name": "queue", "count": 3, "why": "so"}]
    assert document["inputs"]["cold_start_phases"] == {"create": 0.0, "start": 1.0, "load": 2.0}
    assert (document["inputs"]["service_seconds"], document["inputs"]["forecast"]) == (0.123, None)
    assert document["inputs"]["override"] == {"min_replicas": None, "max_replicas": None}


def test_a_forecast_is_told_whole() -> None:
    seen = replace(observed(1), forecast=Forecast(2.00049, 0.5, 75.0, days=3, came=0.25))
    record = Records().note(seen, Decision(1, (), "", "so", 0.5, Limits(0, 1)))
    document = json.loads(json.dumps(record.document()))
    assert document["inputs"]["forecast"] == {
        "demand": 2.0, "requests_per_second": 0.5, "ahead_seconds": 75.0, "days": 3, "came": 0.25,
    }  # fmt: skip


def test_the_journal_is_not_kept() -> None:
    seen = replace(observed(1), journal=(Entry(Kind.ARRIVED, 1.0, 0.0, 1.0),))
    assert Records().note(seen, Decision(0, (), "", "", 0, Limits(0, 1))).seen.journal == ()

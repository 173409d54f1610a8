from __future__ import annotations

import pytest

from proxy.core.autoscaler.objective.unhindered import Unhindered
from proxy.core.journal import Entry, Kind


def step(kind: Kind, at: float, since: float | None = None) -> Entry:
    began = at if since is None else since
    return Entry(kind, at, at - began, began)


def knowing_services_of(seconds: float) -> Unhindered:
    unhindered = Unhindered()
    for _ in range(60):
        unhindered.times.add(seconds)
    return unhindered


def note(unhindered: Unhindered, *steps: Entry) -> None:
    for entry in steps:
        unhindered.note(entry)


def test_who_did_not_wait_counts_while_it_runs() -> None:
    seen = knowing_services_of(2.0)
    note(seen, step(Kind.ARRIVED, 1.0), step(Kind.STARTED, 1.0))
    assert seen.value(10.0) == 1.0
    note(seen, step(Kind.ENDED, 10.0, 1.0))
    assert seen.value(10.0) == 0.0


def test_who_waits_counts_only_as_long_as_its_service_would_have_run() -> None:
    seen = knowing_services_of(2.0)
    note(seen, step(Kind.ARRIVED, 1.0))
    assert [seen.value(now) for now in (1.5, 2.9, 3.1)] == [1.0, 1.0, 0.0]


def test_who_waited_too_long_ago_counts_no_more_though_it_runs() -> None:
    seen = knowing_services_of(2.0)
    note(seen, step(Kind.ARRIVED, 1.0), step(Kind.STARTED, 5.0, 1.0))
    assert seen.value(5.5) == 0.0
    note(seen, step(Kind.ENDED, 7.0, 5.0))
    assert seen.value(7.0) == 0.0


def test_who_leaves_the_line_counts_no_more() -> None:
    seen = knowing_services_of(100.0)
    note(seen, step(Kind.ARRIVED, 1.0), step(Kind.ARRIVED, 2.0), step(Kind.LEFT, 3.0, 2.0))
    assert seen.value(3.0) == 1.0
    assert list(seen.waiting) == [1.0]


def test_a_long_line_is_sampled() -> None:
    seen = knowing_services_of(100.0)
    note(seen, *(step(Kind.ARRIVED, index / 1000) for index in range(1000)))
    assert seen.value(2.0) == pytest.approx(1000)


def test_what_was_missed_is_put_right_by_the_real_number() -> None:
    seen = knowing_services_of(2.0)
    note(seen, step(Kind.ENDED, 5.0, 1.0))
    seen.agree(in_flight=3)
    assert seen.value(5.0) == 3.0

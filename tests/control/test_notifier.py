from __future__ import annotations

from proxy.control.notifier import line, message
from proxy.core.alarms import Notice

FULL = Notice("max_replicas", "more replicas than max_replicas have been wanted for 2 minutes; 7 wait")
OVER = Notice("failed start", "a replica is ready", over=True)


def test_the_subject_names_the_first_and_counts_the_others() -> None:
    assert message("demo", [FULL])[0] == "tidegate: demo: max_replicas"
    assert message("demo", [OVER, FULL, FULL])[0] == "tidegate: demo: failed start is over (+2)"


def test_the_text_has_a_line_for_each() -> None:
    assert message("demo", [FULL, OVER])[1].splitlines() == [
        "tidegate: demo",
        "max_replicas: more replicas than max_replicas have been wanted for 2 minutes; 7 wait",
        "over: failed start: a replica is ready",
    ]


def test_many_are_cut_short_with_their_number() -> None:
    text = message("demo", [FULL] * 50)[1]
    assert text.count(line(FULL)) == 20
    assert text.endswith("… and 30 more")

from __future__ import annotations

from proxy.backends.guard import groups_left


def test_groups_that_have_not_ended_are_left() -> None:
    assert groups_left([b"+10\n", b"+11\n", b"-10\n", b"+12\n"]) == {11, 12}


def test_a_group_may_end_twice_or_unseen() -> None:
    assert groups_left([b"-9\n", b"+10\n", b"-10\n", b"-10\n"]) == set()

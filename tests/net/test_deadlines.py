from __future__ import annotations

from proxy.net.deadlines import NEVER, Deadlines


class Timed:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.expired: list[float] = []
        self.others: list[Timed] = []

    def expire(self, now: float) -> None:
        self.expired.append(now)
        for other in self.others:
            other.deadline = NEVER


def test_what_is_due_expires_and_the_rest_does_not() -> None:
    deadlines, due, later, forgotten = Deadlines(1.0), Timed(5), Timed(6), Timed(1)
    for timed in (due, later, forgotten):
        deadlines.watch(timed)
    deadlines.forget(forgotten)
    deadlines.sweep(5)
    assert (due.expired, later.expired, forgotten.expired) == ([5], [], [])


def test_what_another_ones_end_has_saved_does_not_expire() -> None:
    deadlines, first, second = Deadlines(1.0), Timed(5), Timed(5)
    first.others, second.others = [second], [first]
    for timed in (first, second):
        deadlines.watch(timed)
    deadlines.sweep(5)
    assert sorted(first.expired + second.expired) == [5]

from __future__ import annotations

from proxy.core.autoscaler.objective.budget import Budget

HOUR, DAY = 3600.0, 86_400.0


def test_nothing_is_owed_while_the_promise_holds() -> None:
    budget = Budget(0.01)
    budget.spend(10_000, 100)
    budget.fade(HOUR)
    assert budget.overdraft == 0


def overdrawn(requests: int, late: int) -> int:
    budget = Budget(0.01)
    budget.spend(requests, late)
    budget.fade(1.0)
    return budget.overdraft


def test_the_overdraft_says_how_many_times_as_many_were_late() -> None:
    assert [overdrawn(10_000, late) for late in (150, 350, 500)] == [1, 2, 3]


def test_what_may_be_chance_is_not_owed() -> None:
    assert overdrawn(10_000, 110) == 0


def test_a_few_late_ones_say_nothing() -> None:
    assert overdrawn(10, 3) == 0


def test_it_stays_overdrawn_until_it_could_bear_the_largest_burst_again() -> None:
    budget = Budget(0.01)
    budget.spend(1000, 100)
    budget.fade(1.0)
    budget.spend(14_000, 0)
    budget.fade(HOUR)
    assert budget.overdraft == 1
    budget.spend(6000, 0)
    budget.fade(HOUR)
    assert budget.overdraft == 0


def test_what_was_late_is_forgotten_within_weeks() -> None:
    budget = Budget(0.01)
    budget.spend(1000, 100)
    budget.fade(DAY)
    assert budget.overdraft
    budget.fade(35 * DAY)
    assert budget.overdraft == 0

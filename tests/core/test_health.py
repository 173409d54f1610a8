from __future__ import annotations

from proxy.core.health import Backoff, Health


def test_failures_in_a_row_condemn() -> None:
    health = Health(failures=3)
    assert [health.note(passed) for passed in (False, False, True, False, False, False)] == [False] * 5 + [True]


def crashes(backoff: Backoff, count: int) -> list[float]:
    """The pauses after so many crashes, each of a replica started right after the pause before."""
    pauses, now = [], 0.0
    for _ in range(count):
        started_at = now = max(now, backoff.until)
        now += 0.5
        backoff.failed(started_at, ready_seconds=0, now=now)
        pauses.append(backoff.until - now)
    return pauses


def test_pauses_double_up_to_a_minute() -> None:
    assert crashes(Backoff(), 10) == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_replica_may_crash_for_days() -> None:
    assert crashes(Backoff(), 5000)[-1] == 60


def test_replicas_that_crash_together_count_once() -> None:
    backoff = Backoff()
    for now in (10.0, 10.1, 10.2):
        backoff.failed(started_at=9, ready_seconds=0, now=now)
    assert (backoff.streak, backoff.until) == (1, 10)


def test_a_replica_started_after_the_crash_counts_again() -> None:
    backoff = Backoff()
    backoff.failed(started_at=9, ready_seconds=0, now=10)
    backoff.failed(started_at=10, ready_seconds=0, now=11)
    assert (backoff.streak, backoff.until) == (2, 12)


def test_the_end_of_a_sound_replica_begins_a_new_streak() -> None:
    backoff = Backoff()
    crashes(backoff, 5)
    backoff.failed(started_at=0, ready_seconds=60, now=100)
    assert (backoff.streak, backoff.until) == (1, 100)


def test_it_is_hopeless_after_the_second_crash_in_a_row() -> None:
    backoff = Backoff()
    assert not backoff.hopeless
    crashes(backoff, 1)
    assert not backoff.hopeless
    crashes(backoff, 1)
    assert backoff.hopeless


def test_a_failure_long_after_the_last_begins_a_new_streak() -> None:
    backoff = Backoff()
    crashes(backoff, 5)
    started_at = backoff.until + 60
    backoff.failed(started_at, ready_seconds=0, now=started_at + 1)
    assert (backoff.streak, backoff.hopeless) == (1, False)


def test_starts_that_take_long_to_fail_are_failures_in_a_row() -> None:
    backoff, now = Backoff(), 0.0
    for _ in range(3):
        started_at = max(now, backoff.until)
        now = started_at + 600
        backoff.failed(started_at, ready_seconds=0, now=now)
    assert backoff.streak == 3

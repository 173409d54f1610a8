from __future__ import annotations

from datetime import UTC, datetime

from proxy.core.alarms import CALM_SECONDS, CRASH_SECONDS, Alarms, Notice, Signs, Thresholds
from proxy.core.failure import Failure


def failure(replica: str, reason: str, was_ready: bool) -> Failure:
    return Failure(datetime(2026, 1, 1, tzinfo=UTC), replica, reason, reason, "", (), was_ready)


START = failure("demo-1", "exited with code 3", was_ready=False)
CRASH = failure("demo-2", "exited with code 1", was_ready=True)


def signs(*failures: Failure, ready: int = 1, queued: int = 0, at_most: bool = False) -> Signs:
    return Signs(failures, ready, queued, at_most)


def told(notices: list[Notice]) -> list[tuple[str, bool]]:
    return [(notice.kind, notice.over) for notice in notices]


def test_a_failed_start_is_told_once_with_its_reason() -> None:
    alarms = Alarms(Thresholds())
    (notice,) = alarms.look(signs(START, ready=0), 0)
    assert notice == Notice("failed start", "replica demo-1 did not start: exited with code 3")
    assert alarms.look(signs(START, ready=0), 1) == []


def test_a_failed_start_is_over_when_a_replica_is_ready() -> None:
    alarms = Alarms(Thresholds())
    alarms.look(signs(START, ready=0), 0)
    assert alarms.look(signs(ready=0), 1) == []
    assert told(alarms.look(signs(ready=1), 2)) == [("failed start", True)]
    assert alarms.look(signs(ready=1), 3) == []


def test_three_crashes_within_ten_minutes_are_a_loop() -> None:
    alarms = Alarms(Thresholds())
    assert alarms.look(signs(CRASH), 0) == []
    assert alarms.look(signs(CRASH), 300) == []
    (notice,) = alarms.look(signs(CRASH), 599)
    assert notice.text == "3 replicas failed within 10 minutes, the last one: exited with code 1"


def test_three_crashes_in_an_hour_are_no_loop() -> None:
    alarms = Alarms(Thresholds())
    assert [alarms.look(signs(CRASH), at * CRASH_SECONDS) for at in range(3)] == [[], [], []]


def test_a_crash_loop_is_over_after_ten_quiet_minutes() -> None:
    alarms = Alarms(Thresholds())
    alarms.look(signs(CRASH, CRASH, CRASH), 0)
    assert alarms.look(signs(), CRASH_SECONDS - 1) == []
    assert told(alarms.look(signs(), CRASH_SECONDS)) == [("crash loop", True)]


def test_every_replica_that_ran_out_of_memory_is_told() -> None:
    large = failure("demo-3", "out of memory: it needed more than 4 GB", was_ready=True)
    assert told(Alarms(Thresholds()).look(signs(large, large), 0)) == [("out of memory", False)] * 2


def test_a_long_line_is_told_at_its_threshold() -> None:
    alarms = Alarms(Thresholds(queue_length=10))
    assert alarms.look(signs(queued=9), 0) == []
    (notice,) = alarms.look(signs(queued=10), 1)
    assert notice.text == "10 requests wait (told from 10 on)"


def test_a_line_that_comes_and_goes_is_one_trouble() -> None:
    alarms = Alarms(Thresholds(queue_length=10))
    alarms.look(signs(queued=10), 0)
    assert alarms.look(signs(queued=0), 1) == []
    assert alarms.look(signs(queued=10), 2) == []
    assert alarms.look(signs(queued=0), 2 + CALM_SECONDS - 1) == []
    assert told(alarms.look(signs(queued=0), 2 + CALM_SECONDS)) == [("queue", True)]


def test_max_replicas_is_told_after_its_minutes() -> None:
    alarms = Alarms(Thresholds(full_seconds=120))
    assert alarms.look(signs(at_most=True), 0) == []
    assert alarms.look(signs(at_most=True), 119) == []
    (notice,) = alarms.look(signs(at_most=True, queued=7), 120)
    assert notice.text == "more replicas than max_replicas have been wanted for 2 minutes; 7 wait"


def test_max_replicas_that_is_left_in_time_is_not_told() -> None:
    alarms = Alarms(Thresholds(full_seconds=120))
    alarms.look(signs(at_most=True), 0)
    alarms.look(signs(), 30 + CALM_SECONDS)
    assert alarms.look(signs(at_most=True), 121) == []


def test_thresholds_of_zero_are_never_reached() -> None:
    alarms = Alarms(Thresholds())
    assert [alarms.look(signs(queued=1_000, at_most=True), at) for at in (0, 10_000)] == [[], []]

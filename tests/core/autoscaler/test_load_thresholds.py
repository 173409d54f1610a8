"""One replica up where the load stays high, one down where it stays low."""

from __future__ import annotations

from proxy.core.autoscaler.decision import Decision
from tests.core.autoscaler.looks import Autoscaler

MINUTE, HALF_HOUR = 60, 1800


class Loaded(Autoscaler):
    """Replicas are there as soon as they are wanted; a load is shown every second."""

    def __init__(self, replicas: int, **given: object) -> None:
        super().__init__(policy="load-thresholds", **given)
        self.now = 0.0
        self.show(replicas)

    def show(self, replicas: int) -> None:
        self.sees(ready=replicas, replicas=replicas)

    def hold(self, in_flight: int, seconds: int) -> list[int]:
        """What is wanted at each second."""
        return [self.next(in_flight).desired for _ in range(seconds)]

    def next(self, in_flight: int) -> Decision:
        self.now += 1
        decision = self.at(self.now, in_flight)
        self.show(decision.desired)
        return decision


def test_a_load_at_the_threshold_for_a_minute_adds_one() -> None:
    autoscaler = Loaded(1, replica_concurrency=4)
    assert autoscaler.hold(3, MINUTE) == [1] * 60
    assert autoscaler.next(3).desired == 2
    assert autoscaler.hold(3, 2 * MINUTE)[-1] == 2  # 3 ÷ 8 is low


def test_a_load_below_the_threshold_for_half_an_hour_takes_one_away() -> None:
    autoscaler = Loaded(3, replica_concurrency=4)
    assert set(autoscaler.hold(8, HALF_HOUR)) == {3}  # 8 ÷ 12 < 0.75
    decision = autoscaler.next(8)
    assert (decision.desired, decision.reason) == (2, "load wants 2: load 0.67 < 0.75 for 1800 s: one less")


def test_each_step_takes_its_whole_time() -> None:
    autoscaler = Loaded(1)
    wanted = autoscaler.hold(9, 4 * MINUTE + 1)
    assert [wanted.index(count) for count in (2, 3, 4, 5)] == [60, 120, 180, 240]


def test_a_load_that_leaves_in_between_begins_anew() -> None:
    autoscaler = Loaded(1)
    autoscaler.hold(1, 50)
    autoscaler.hold(0, 10)
    assert set(autoscaler.hold(1, 50)) == {1}


def test_a_moment_of_less_is_smoothed_away() -> None:
    autoscaler = Loaded(1)
    autoscaler.hold(1, 40)
    autoscaler.hold(0, 1)
    assert autoscaler.hold(1, 20)[-1] == 2


def test_from_zero_at_once() -> None:
    autoscaler = Loaded(0)
    assert autoscaler.next(0).desired == 0
    assert autoscaler.next(1).desired == 1


def test_the_last_replica_goes_only_without_any_request() -> None:
    autoscaler = Loaded(1, replica_concurrency=10, scale_down_delay_seconds=60)
    assert set(autoscaler.hold(1, 300)) == {1}
    assert autoscaler.hold(0, 60)[-2:] == [1, 0]


def test_between_the_thresholds_nothing_changes() -> None:
    autoscaler = Loaded(2, replica_concurrency=10, scale_down_threshold=0.25)
    assert set(autoscaler.hold(10, 2 * HALF_HOUR)) == {2}


def test_steps_stop_at_the_limits() -> None:
    autoscaler = Loaded(1, max_replicas=2, min_replicas=1, scale_up_delay_seconds=0, scale_down_delay_seconds=0)
    assert autoscaler.hold(9, 5) == [2] * 5
    assert autoscaler.hold(0, 5)[-1] == 1


def test_it_takes_over_what_runs() -> None:
    assert Loaded(5, replica_concurrency=10).next(40).desired == 5


def test_its_own_number_outlives_a_schedule() -> None:
    """From midnight to 01:00 two are wanted at least, and from 02:00 to 03:00 one at most."""
    night = [
        {"start": "00:00", "end": "01:00", "min_replicas": 2},
        {"start": "02:00", "end": "03:00", "max_replicas": 1},
    ]
    autoscaler = Loaded(0, schedule=night, scale_up_delay_seconds=3000, scale_down_delay_seconds=30000)
    assert autoscaler.next(0).reason.endswith("raised to min_replicas 2 by the schedule")
    assert autoscaler.hold(0, 3600)[-1] == 0
    assert autoscaler.hold(9, 3200)[-1] == 2
    assert autoscaler.hold(1, 600)[-1] == 1
    assert autoscaler.hold(1, 3600)[-1] == 2

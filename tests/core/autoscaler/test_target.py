"""What the metrics make of time: tests of the concurrency metric are those of decide."""

from __future__ import annotations

from tests.core.autoscaler.looks import Autoscaler, observed


def per_second(**given: object) -> Autoscaler:
    return Autoscaler(**{"metric": "requests_per_second", "target": 1, "replica_concurrency": 100, **given})


def test_one_request_in_the_first_moment_is_no_high_rate() -> None:
    assert per_second().arrive(0.01, 1).desired == 1


def test_one_request_in_the_first_moment_after_an_idle_time_is_no_high_rate() -> None:
    autoscaler = per_second(cooldown_seconds=0)
    autoscaler.at(100)
    assert autoscaler.arrive(100.1, 1).desired == 1


def test_the_rate_is_that_of_the_interval() -> None:
    autoscaler = per_second(evaluation_interval_seconds=10, cooldown_seconds=0)
    assert [autoscaler.arrive(now, 20).desired for now in (5, 10, 15)] == [2, 4, 4]


def test_requests_between_two_looks_at_the_same_time_are_not_lost() -> None:
    """A pool's sample of no time is taken again with the next."""
    autoscaler = per_second(evaluation_interval_seconds=10)
    autoscaler.arrive(10, 20)
    assert autoscaler.arrive(10, 5).observed == 2


def on_cpu(**given: object) -> Autoscaler:
    return Autoscaler(**{"metric": "cpu_utilization", "target": 50, "min_replicas": 1, **given})


def test_a_replica_more_does_not_ask_for_another_by_itself() -> None:
    """What two use half each is what one used whole: the mean over the interval is not multiplied anew."""
    autoscaler = on_cpu(replica_concurrency=100)
    assert autoscaler.sees(ready=1, cpu_ratio=1.0).at(30, in_flight=1).desired == 2
    assert autoscaler.sees(ready=2, cpu_ratio=0.5).at(31, in_flight=1).desired == 2


def test_what_is_not_measured_changes_nothing() -> None:
    autoscaler = on_cpu(replica_concurrency=100)
    autoscaler.sees(ready=2, cpu_ratio=0.9).at(10, in_flight=1)
    assert autoscaler.sees(cpu_ratio=None).at(20, in_flight=1).observed == 1.8


def test_an_idle_app_goes_back_to_min_also_where_its_replicas_are_busy_with_themselves() -> None:
    autoscaler = on_cpu(cooldown_seconds=10).sees(ready=3, cpu_ratio=0.9)
    autoscaler.at(1, in_flight=1)
    assert autoscaler.at(11).desired == 1


def test_after_an_idle_time_what_replicas_use_is_what_they_use_now() -> None:
    autoscaler = on_cpu(cooldown_seconds=10, replica_concurrency=100).sees(ready=1, cpu_ratio=0.9)
    autoscaler.at(1, in_flight=1)
    assert autoscaler.at(11).desired == 1
    assert autoscaler.at(12, in_flight=1).desired == 2


def test_the_largest_term_is_the_one_that_counts() -> None:
    autoscaler = on_cpu(replica_concurrency=1).sees(ready=4, cpu_ratio=0.9)
    decision = autoscaler.look(observed(10, in_flight=4, queued=1), 10)
    assert {term.name: term.count for term in decision.terms} == {"cpu": 8, "queue": 5}
    assert decision.desired == 8

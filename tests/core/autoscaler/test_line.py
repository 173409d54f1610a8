"""What those who wait start, and what they do not."""

from __future__ import annotations

from dataclasses import replace

from proxy.core.autoscaler.estimates import ColdStart
from proxy.core.autoscaler.line import served_soon
from tests.core.autoscaler.looks import Autoscaler, observed, settings


def soon(ready: int, service: float | None, cold: float | None, *, waited: float = 0.0, concurrency: int = 1) -> int:
    cold_start = None if cold is None else ColdStart(cold)
    seen = replace(observed(1, ready, 99), ready=ready, service_seconds=service, cold_start=cold_start)
    return served_soon(settings(replica_concurrency=concurrency), replace(seen, oldest_wait_seconds=waited))


def test_busy_replicas_serve_soon_what_they_do_with_certainty_within_a_cold_start() -> None:
    assert soon(1, service=1, cold=30) == 22  # of 30 on average, 22 or more in 95 of 100 cases
    assert soon(2, service=1, cold=30) == 48
    assert soon(1, service=1, cold=30, concurrency=2) == 48


def test_a_service_that_takes_as_long_as_a_cold_start_serves_nobody_sooner() -> None:
    assert soon(1, service=30, cold=30) == 0
    assert soon(1, service=60, cold=30) == 0


def test_nothing_is_expected_of_replicas_that_are_not_ready_or_not_measured() -> None:
    assert soon(0, service=1, cold=30) == 0
    assert soon(1, service=None, cold=30) == 0
    assert soon(1, service=1, cold=None) == 0


def test_who_waits_for_a_whole_cold_start_already_is_not_told_to_wait_on() -> None:
    assert soon(1, service=1, cold=30, waited=29.9) == 22
    assert soon(1, service=1, cold=30, waited=30) == 0


def test_a_request_that_is_served_sooner_by_a_busy_replica_starts_none() -> None:
    autoscaler = Autoscaler().measured(service_seconds=0.1, cold_start_seconds=60).sees(ready=1, replicas=1)
    decision = autoscaler.at(1, in_flight=1, queued=3, mean=0.5)
    assert decision.desired == 1
    autoscaler.measured(service_seconds=60, cold_start_seconds=60)
    decision = autoscaler.at(1.1, in_flight=1, queued=3, mean=0.5)
    assert decision.desired == 4


def test_the_reason_says_who_may_wait() -> None:
    autoscaler = Autoscaler().measured(service_seconds=1, cold_start_seconds=30).sees(ready=1, replicas=1)
    assert autoscaler.at(1, in_flight=1, queued=24, mean=0).reason == (
        "queue wants 3: 1 in flight + 24 queued - 22 who get a slot within 30 s, sooner than from a cold start "
        "÷ 1 per replica"
    )


def test_a_line_of_the_given_length_gets_all_its_slots_at_once() -> None:
    autoscaler = Autoscaler(scale_up_queue_length=5).measured(1, 30).sees(ready=1, replicas=1)
    assert autoscaler.at(1, in_flight=1, queued=4, mean=0).desired == 1
    decision = autoscaler.at(1.5, in_flight=1, queued=5, mean=0)
    assert decision.desired == 6
    assert decision.reason == "queue_length wants 6: 5 queued, from 5 on all get a slot"


def test_a_line_whose_first_waits_long_gets_all_its_slots_at_once() -> None:
    autoscaler = Autoscaler(scale_up_queue_wait_seconds=3).measured(1, 30).sees(ready=1, replicas=1)
    assert autoscaler.sees(oldest_wait_seconds=2.9).at(1, in_flight=1, queued=4, mean=0).desired == 1
    decision = autoscaler.sees(oldest_wait_seconds=3.0).at(1.5, in_flight=1, queued=4, mean=0)
    assert decision.desired == 5
    assert decision.reason == "queue_wait wants 5: the oldest waits 3.0 s, from 3 s on all get a slot"


def test_triggers_count_beside_every_policy_and_are_held_for_the_cooldown() -> None:
    autoscaler = Autoscaler(policy="load-thresholds", scale_up_queue_length=5, scale_up_delay_seconds=600)
    autoscaler.sees(ready=1, replicas=1)
    looks = ((1, 4), (2, 5), (3, 0), (62.9, 0), (63, 0))
    decisions = [autoscaler.at(now, in_flight=1, queued=queued) for now, queued in looks]
    assert [decision.desired for decision in decisions] == [1, 6, 6, 6, 1]
    assert decisions[3].clamp == "cooldown"


def test_what_max_refused_a_trigger_is_not_held_through_the_cooldown() -> None:
    autoscaler = Autoscaler(policy="load-thresholds", scale_up_queue_length=5, max_replicas=3)
    autoscaler.sees(ready=1, replicas=1).at(1, queued=9)
    assert autoscaler.at(2).clamp == "cooldown"

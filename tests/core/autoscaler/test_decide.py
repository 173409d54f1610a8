from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from random import Random

import pytest

from proxy.core.autoscaler.decide import decide
from proxy.core.autoscaler.memory import Memory
from proxy.core.journal import Entry, Kind
from tests.core.autoscaler.looks import Autoscaler, observed, settings

# Up


def test_three_requests_at_once_start_three_replicas() -> None:
    decision = Autoscaler().at(0, queued=3)
    assert decision.desired == 3
    assert decision.reason == "queue wants 3: 0 in flight + 3 queued ÷ 1 per replica"


def test_a_queue_is_served_without_waiting_for_the_interval() -> None:
    """After 29 quiet seconds the mean is still close to zero."""
    autoscaler = Autoscaler(replica_concurrency=4, cooldown_seconds=3600)
    autoscaler.until(29)
    decision = autoscaler.at(29.01, in_flight=4, queued=5)
    assert decision.desired == 3
    assert {term.name: term.count for term in decision.terms} == {"queue": 3, "concurrency": 1}


def test_the_mean_counts_where_nobody_waits() -> None:
    autoscaler = Autoscaler(replica_concurrency=10, target=70)
    autoscaler.at(10, in_flight=20)
    decision = autoscaler.at(20, in_flight=50)
    assert decision.desired == 5
    assert decision.observed == 35
    assert decision.reason == "concurrency wants 5: mean demand 35.00 over 30 s ÷ 7 per replica"


@pytest.mark.parametrize(
    ("concurrency", "target", "demand", "desired"),
    [(1, 70, 7, 10), (1, 70, 7.01, 11), (200, 80, 160, 1), (200, 80, 161, 2), (1, 100, 3, 3), (1, 100, 3 + 1e-9, 3)],
)
def test_demand_is_divided_by_what_a_replica_should_have(
    concurrency: int, target: float, demand: float, desired: int
) -> None:
    autoscaler = Autoscaler(replica_concurrency=concurrency, target=target)
    assert autoscaler.at(30, in_flight=int(demand), mean=demand).desired == desired


def test_the_interval_forgets_what_was_before_it() -> None:
    autoscaler = Autoscaler(evaluation_interval_seconds=10, cooldown_seconds=0)
    autoscaler.at(10, in_flight=8)
    assert [autoscaler.at(now, in_flight=2).desired for now in (15, 20)] == [5, 2]


def test_the_first_request_starts_a_replica_at_once() -> None:
    autoscaler = Autoscaler(replica_concurrency=100)
    assert autoscaler.until(1000).desired == 0
    assert autoscaler.at(1000.0, queued=1).desired == 1


def test_a_refused_request_starts_a_replica_though_it_does_not_wait() -> None:
    """An app whose queue holds nobody could not come back from zero otherwise."""
    autoscaler = Autoscaler(cooldown_seconds=10)
    decision = autoscaler.at(1, refused=1)
    assert decision.desired == 1
    assert decision.reason == "queue wants 1: 0 in flight + 0 queued + 1 refused ÷ 1 per replica"
    assert autoscaler.at(10.9).desired == 1
    assert autoscaler.at(11).desired == 0


# Down


def test_scales_down_only_after_demand_stayed_low_for_the_whole_cooldown() -> None:
    autoscaler = Autoscaler()
    autoscaler.at(0, queued=5)
    decisions = [autoscaler.at(now, in_flight=2) for now in (100, 159, 160)]
    assert [decision.desired for decision in decisions] == [5, 5, 2]
    assert [decision.clamp for decision in decisions] == ["cooldown", "cooldown", ""]
    assert decisions[0].reason == (
        "concurrency wants 2: mean demand 2.00 over 30 s ÷ 1 per replica; "
        "held at 5: not yet lower for the whole cooldown of 60 s"
    )


def test_demand_that_returns_begins_the_cooldown_anew() -> None:
    autoscaler = Autoscaler()
    autoscaler.at(0, queued=3)
    autoscaler.until(30, in_flight=1)
    autoscaler.at(30, in_flight=1, queued=2)
    assert [autoscaler.until(now, in_flight=1).desired for now in (61, 90, 91)] == [3, 3, 1]


@pytest.mark.parametrize("least", [0, 2])
def test_an_idle_app_goes_back_to_min_after_the_cooldown_also_where_the_interval_is_longer(least: int) -> None:
    autoscaler = Autoscaler(evaluation_interval_seconds=300, cooldown_seconds=10, min_replicas=least)
    autoscaler.at(60, in_flight=50)
    assert autoscaler.until(69).desired == 50
    decision = autoscaler.until(70)
    assert decision.desired == least
    assert decision.reason.startswith("idle wants 0: no request for 10 s")


def test_what_was_before_an_idle_time_does_not_scale_up_after_it() -> None:
    autoscaler = Autoscaler(evaluation_interval_seconds=300, cooldown_seconds=10)
    autoscaler.at(60, in_flight=50)
    autoscaler.until(75)
    assert autoscaler.at(76, in_flight=1).desired == 1


def test_without_a_cooldown_an_idle_app_goes_to_zero_at_once() -> None:
    autoscaler = Autoscaler(cooldown_seconds=0)
    assert autoscaler.at(1, queued=3).desired == 3
    assert autoscaler.at(2).desired == 0


# Buffer, min and max


def test_the_buffer_comes_on_top_of_demand_and_goes_with_it() -> None:
    autoscaler = Autoscaler(buffer=3, cooldown_seconds=10)
    assert autoscaler.at(0).desired == 0
    decision = autoscaler.at(1, queued=1)
    assert decision.desired == 4
    assert decision.reason.endswith("; + 3 scaling_buffer")
    assert [autoscaler.at(now).desired for now in (5, 10.9, 11)] == [4, 4, 0]


def test_max_replicas_has_the_last_word_over_demand() -> None:
    decision = Autoscaler(max_replicas=2, buffer=1).at(0, queued=5)
    assert (decision.desired, decision.clamp) == (2, "max_replicas")
    assert decision.reason == (
        "queue wants 5: 0 in flight + 5 queued ÷ 1 per replica; + 1 scaling_buffer; clamped to max_replicas 2"
    )


def test_min_replicas_run_without_demand() -> None:
    decision = Autoscaler(min_replicas=2).at(0)
    assert (decision.desired, decision.clamp) == (2, "min_replicas")
    assert (
        decision.reason == "concurrency wants 0: mean demand 0.00 over 30 s ÷ 1 per replica; raised to min_replicas 2"
    )


def test_what_max_refused_is_not_held_through_the_cooldown() -> None:
    autoscaler = Autoscaler(max_replicas=3)
    autoscaler.at(0, queued=50)
    decision = autoscaler.at(1, in_flight=3, mean=3)
    assert (decision.desired, decision.clamp) == (3, "")


def test_nothing_is_clamped_where_the_terms_agree() -> None:
    assert Autoscaler().at(1, queued=2).clamp == ""


def test_each_term_says_what_it_wants() -> None:
    decision = Autoscaler(buffer=2).at(1, in_flight=1, queued=3)
    assert {term.name: term.count for term in decision.terms} == {"concurrency": 4, "queue": 4, "buffer": 2}


# For all


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"metric": "requests_per_second", "scale_up_queue_length": 2},
        {"policy": "load-thresholds", "scale_up_delay_seconds": 2, "scale_down_delay_seconds": 2},
    ],
)
def test_the_same_inputs_give_the_same_outputs_and_are_left_alone(given: dict[str, object]) -> None:
    random, now = Random(1), 0.0
    chosen = settings(buffer=1, min_replicas=1, **given)
    memory = Memory.fresh(chosen, now)
    for _ in range(500):
        now += random.random()
        seen = observed(random.random(), random.randrange(3), random.randrange(3), refused=random.randrange(2))
        before = deepcopy((chosen, seen, memory))
        first = decide(chosen, seen, memory, now)
        assert decide(chosen, seen, memory, now) == first
        assert (chosen, seen, memory) == before
        memory = first[1]


@pytest.mark.parametrize(
    "given",
    [
        {"policy": "target"},
        {"policy": "load-thresholds", "scale_up_delay_seconds": 2, "scale_down_delay_seconds": 2},
        {"policy": "objective"},
        {"policy": "objective", "wait_price": 3},
    ],
)
def test_an_old_memory_decides_again_as_it_did(given: dict[str, object]) -> None:
    """As often as one likes, also where newer ones were made from it."""
    random, now, chosen = Random(1), 0.0, settings(**given)
    memories, looks = [Memory.fresh(chosen, now)], []
    for _ in range(150):
        now += random.random()
        seen = replace(observed(0.5, random.randrange(9), random.randrange(3)), ready=3, journal=_served(now, random))
        decision, memory = decide(chosen, seen, memories[-1], now)
        looks.append((seen, now, decision))
        memories.append(memory)
    for start in (0, 0, 40, 65, 149):
        memory = memories[start]
        for seen, at, decision in looks[start : start + 70]:
            again, memory = decide(chosen, seen, memory, at)
            assert again == decision


def _served(now: float, random: Random) -> tuple[Entry, ...]:
    """Requests that came, waited, were served and went just before now."""
    served = []
    for _ in range(random.randrange(5)):
        came, wait, service = now - 0.4, random.choice([0.0, 0.1]), random.uniform(0.1, 0.3)
        began = came + wait
        served += [Entry(Kind.ARRIVED, came, 0.0, came), Entry(Kind.STARTED, began, wait, came)]
        served.append(Entry(Kind.ENDED, began + service, service, began))
    return tuple(served)


def test_never_outside_min_and_max_and_never_too_few_for_those_who_wait() -> None:
    random = Random(1)
    autoscaler, now = Autoscaler(min_replicas=2, max_replicas=9, replica_concurrency=3, buffer=1), 0.0
    for _ in range(2000):
        now += random.expovariate(1)
        in_flight, queued = random.randrange(20), random.choice([0, 0, 1, 10])
        desired = autoscaler.at(now, in_flight, queued).desired
        assert 2 <= desired <= 9
        assert not queued or desired >= min(9, (in_flight + queued) / 3)


# After a restart


def test_nothing_is_scaled_down_before_one_interval_was_seen() -> None:
    """Replicas of before a restart may serve more than was seen since."""
    autoscaler = Autoscaler(cooldown_seconds=0).sees(replicas=5, inherited=5)
    decisions = [autoscaler.at(now, in_flight=1) for now in (5, 34.9, 35)]
    assert [decision.desired for decision in decisions] == [5, 5, 1]
    assert decisions[0].clamp == "restart"
    assert decisions[0].reason.endswith("; kept at 5: running since before the restart")


def test_what_was_started_since_the_restart_is_scaled_down_as_ever() -> None:
    autoscaler = Autoscaler(cooldown_seconds=0).sees(replicas=5, inherited=2)
    assert autoscaler.at(1, in_flight=5).desired == 5
    assert autoscaler.at(2).desired == 2


def test_the_most_holds_also_after_a_restart() -> None:
    decision = Autoscaler(max_replicas=3).sees(replicas=5, inherited=5).at(1)
    assert (decision.desired, decision.clamp) == (3, "max_replicas")

"""Every worked example of the settings' documentation."""

from __future__ import annotations

import pytest

from proxy.config import Hardware
from proxy.core.autoscaler.decision import Decision
from tests.core.autoscaler.looks import Autoscaler


def test_concurrency_1_and_three_requests_are_three_replicas() -> None:
    assert Autoscaler(replica_concurrency=1).at(0, queued=3).desired == 3


@pytest.mark.parametrize(("demand", "replicas"), [(0.7, 1), (0.71, 2), (1.4, 2), (7, 10)])
def test_a_target_of_70_percent_is_0_7_requests_for_each_replica(demand: float, replicas: int) -> None:
    decision = Autoscaler(replica_concurrency=1, target=70).at(30, in_flight=1, mean=demand)
    assert decision.desired == replicas
    assert "÷ 0.7 per replica" in decision.reason


@pytest.mark.parametrize(("in_flight", "replicas"), [(160, 1), (161, 2), (320, 2), (321, 3)])
def test_200_at_80_percent_are_160_for_each_replica(in_flight: int, replicas: int) -> None:
    decision = Autoscaler(replica_concurrency=200, target=80).at(30, in_flight=in_flight)
    assert decision.desired == replicas
    assert "÷ 160 per replica" in decision.reason


def test_a_buffer_of_3_and_one_request_are_4_and_min_again_after_the_cooldown() -> None:
    autoscaler = Autoscaler(replica_concurrency=1, buffer=3, min_replicas=1, cooldown_seconds=60)
    assert autoscaler.at(1).desired == 1
    assert autoscaler.at(2, queued=1).desired == 4
    assert [autoscaler.until(now).desired for now in (61, 62)] == [4, 1]


@pytest.mark.parametrize(("count", "replicas"), [(150, 1), (151, 2), (300, 2), (600, 4)])
def test_a_target_of_5_requests_per_second(count: int, replicas: int) -> None:
    """Over an evaluation interval of 30 s."""
    autoscaler = Autoscaler(metric="requests_per_second", target=5, replica_concurrency=100)
    decision = autoscaler.arrive(30, count)
    assert decision.desired == replicas
    assert decision.reason.endswith("requests per second over 30 s ÷ 5 per replica")


def at_80_percent_of_2_cores(cores: float, ready: int = 1) -> Decision:
    """`cores` are what each ready replica uses."""
    autoscaler = Autoscaler(metric="cpu_utilization", target=80, min_replicas=1, replica_concurrency=100)
    cpu = Hardware(cpu=2, gpu_count=0).cpu
    return autoscaler.sees(ready=ready, replicas=ready, cpu_ratio=cores / cpu).at(30, in_flight=1)


@pytest.mark.parametrize(
    ("cores", "ready", "replicas"), [(1.6, 1, 1), (1.61, 1, 2), (2, 4, 5), (1.6, 5, 5), (0.8, 4, 2)]
)
def test_2_cores_at_80_percent_are_1_6_cores_for_each_replica(cores: float, ready: int, replicas: int) -> None:
    assert at_80_percent_of_2_cores(cores, ready).desired == replicas


@pytest.mark.parametrize(("ratio", "replicas"), [(0.8, 3), (0.9, 4), (0.4, 2)])
def test_memory_is_reckoned_like_cpu(ratio: float, replicas: int) -> None:
    autoscaler = Autoscaler(metric="memory_utilization", target=80, min_replicas=1, replica_concurrency=100)
    decision = autoscaler.sees(ready=3, replicas=3, memory_ratio=ratio).at(30, in_flight=1)
    assert decision.desired == replicas


def test_the_queue_rule_holds_with_every_metric() -> None:
    for metric in ("requests_per_second", "cpu_utilization", "memory_utilization"):
        autoscaler = Autoscaler(metric=metric, min_replicas=1, replica_concurrency=2, target=50)
        assert autoscaler.sees(cpu_ratio=0.1, memory_ratio=0.1, ready=1).at(1, in_flight=2, queued=5).desired == 4

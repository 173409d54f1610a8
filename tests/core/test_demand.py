from __future__ import annotations

from random import Random

import pytest

from proxy.core.demand import Demand, DemandSample

BOOT = 1_000_000.0  # a monotonic clock after eleven days


def test_the_mean_is_weighted_with_time() -> None:
    demand = Demand(0)
    demand.arrive(0)
    demand.arrive(6)
    demand.leave(9)
    assert demand.sample(10) == DemandSample(seconds=10, mean=(6 * 1 + 3 * 2 + 1 * 1) / 10, arrivals=2)


def test_each_sample_begins_where_the_last_ended() -> None:
    demand = Demand(0)
    demand.arrive(1)
    demand.sample(5)
    assert demand.sample(7) == DemandSample(2, 1, 0)
    demand.leave(7)
    assert demand.sample(8) == DemandSample(1, 0, 0)


def test_a_sample_of_no_time_says_what_is_there_now() -> None:
    demand = Demand(3)
    demand.arrive(3)
    demand.arrive(3)
    assert demand.sample(3) == DemandSample(0, 2, 2)


def test_what_a_sample_of_no_time_said_is_said_again_with_a_time() -> None:
    """Its arrivals have no rate yet."""
    demand = Demand(3)
    demand.arrive(3)
    demand.refuse()
    demand.sample(3)
    assert demand.sample(5) == DemandSample(2, 1, arrivals=2, refused=1)
    assert demand.sample(6) == DemandSample(1, 1, arrivals=0)


def test_a_request_that_was_refused_came_but_was_never_there() -> None:
    demand = Demand(0)
    demand.refuse()
    assert demand.present == 0
    assert demand.sample(1) == DemandSample(1, 0, arrivals=1, refused=1)
    assert demand.sample(2) == DemandSample(1, 0, arrivals=0, refused=0)


def test_the_area_is_exact() -> None:
    """Against the sum of every request's time inside the sample."""
    random = Random(1)
    demand, now, sampled_at = Demand(BOOT), BOOT, BOOT
    present: list[float] = []
    stays: list[tuple[float, float]] = []
    for _ in range(20_000):
        now += random.expovariate(100)
        if random.random() < 0.02:
            stays += [(came, now) for came in present]
            area = sum(end - max(came, sampled_at) for came, end in stays)
            assert demand.sample(now).mean == pytest.approx(area / (now - sampled_at), rel=1e-6)
            sampled_at, stays = now, []
        elif random.random() < 0.5 or not present:
            present.append(now)
            demand.arrive(now)
        else:
            stays.append((present.pop(random.randrange(len(present))), now))
            demand.leave(now)
        assert demand.present == len(present)

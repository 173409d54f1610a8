from __future__ import annotations

from random import Random

from proxy.core.balancers.ranking import Ranking
from proxy.core.replica import Replica


def test_the_smallest_key_is_first_and_ties_go_in_start_order() -> None:
    ranking, replicas = Ranking(), [Replica(order, f"r{order}", 1, 0) for order in range(4)]
    for replica, key in zip(replicas, [5, 2, 2, 7], strict=True):
        ranking.put(replica, key)
    assert ranking.first() is replicas[1]
    ranking.drop(replicas[1])
    ranking.put(replicas[3], 0)
    assert ranking.first() is replicas[3]


def test_an_empty_ranking_has_no_first() -> None:
    ranking, replica = Ranking(), Replica(0, "a", 1, 0)
    assert ranking.first() is None
    ranking.put(replica, 3)
    ranking.drop(replica)
    assert ranking.first() is None


def test_outdated_entries_are_swept() -> None:
    random, ranking = Random(1), Ranking()
    replicas = [Replica(order, f"r{order}", 1, 0) for order in range(20)]
    for _ in range(10_000):
        ranking.put(random.choice(replicas), random.randrange(10))
    assert len(ranking._heap) <= 2 * len(replicas) + 16

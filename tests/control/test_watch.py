from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from proxy.control.notifier import Notifier
from proxy.control.watch import Watch
from proxy.core.alarms import Alarms, Notice, Thresholds
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.metrics import AppMetrics


class Listener:
    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, notices: Iterable[Notice]) -> None:
        self.told += [f"{notice.kind}{' over' if notice.over else ''}" for notice in notices]


def watch(pool: Pool, at_most: bool = False) -> tuple[Watch, AppMetrics, Listener]:
    listener, metrics = Listener(), AppMetrics("demo", pool)
    alarms = Alarms(Thresholds(full_seconds=60))
    return Watch(metrics, alarms, cast(Notifier, listener), lambda: at_most), metrics, listener


def test_a_failure_is_told_at_the_next_look_and_only_then() -> None:
    one, metrics, listener = watch(Pool(FirstAvailable(), 10, 0))
    metrics.failed(Replica(0, "a", 1, 0), "exited with code 3", "exited with code 3", ())
    assert listener.told == []
    one.look(1)
    one.look(2)
    assert listener.told == ["failed start"]


def test_every_failure_since_the_last_look_is_counted() -> None:
    one, metrics, listener = watch(Pool(FirstAvailable(), 10, 0))
    for number in range(4):
        metrics.failed(crashed(number), "exited with code 1", "exited with code 1", ())
        if number == 0:
            one.look(0)
    one.look(1)
    assert listener.told == ["crash loop"]


def crashed(number: int) -> Replica:
    replica = Replica(number, f"r{number}", 1, 0)
    replica.move(Event.PASSED, 0)
    return replica


def test_a_ready_replica_ends_the_trouble_with_starts() -> None:
    pool = Pool(FirstAvailable(), 10, 0)
    one, metrics, listener = watch(pool)
    metrics.failed(Replica(0, "a", 1, 0), "exited with code 3", "exited with code 3", ())
    one.look(1)
    pool.add(replica := Replica(1, "b", 1, 1))
    pool.apply(replica, Event.PASSED, 2)
    one.look(3)
    assert listener.told == ["failed start", "failed start over"]


def test_an_app_at_its_limit_for_long_is_told() -> None:
    one, _, listener = watch(Pool(FirstAvailable(), 10, 0), at_most=True)
    one.look(0)
    one.look(60)
    assert listener.told == ["max_replicas"]

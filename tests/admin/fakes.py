"""An app as the admin port sees it, whose scaler and fleet remember what they are told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from proxy.admin.apps import AdminApp
from proxy.config import parse
from proxy.core.autoscaler.decision import Decision, Term
from proxy.core.autoscaler.limits import NO_OVERRIDE, Limits, Override
from proxy.core.autoscaler.observation import Observation
from proxy.core.autoscaler.record import Records
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.demand import DemandSample
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.metrics import AppMetrics, Usage


class FakeScaler:
    """Has decided three times."""

    def __init__(self) -> None:
        self.records = Records()
        self.override = NO_OVERRIDE
        for desired in range(3):
            term = Term("queue", desired, "because")
            decision = Decision(desired, (term,), "", "because", 1.23456, Limits(0, 1))
            self.records.note(Observation(DemandSample(1, 2.5, 1), 1, 2, 0), decision)

    def scale(self, override: Override) -> None:
        self.override = override


class FakeFleet:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def send_away(self, replica: Replica, now: float) -> None:
        self.told.append(("drain", replica.id))

    def restart(self, replica: Replica, now: float) -> None:
        self.told.append(("restart", replica.id))


def one_app(name: str = "demo", backend: str = "process", fleet: FakeFleet | None = None) -> AdminApp:
    """With one replica that is ready and busy, and one that is starting."""
    config = parse(f'[cerebrium.deployment]\nname = "{name}"', Path("cerebrium.toml"))
    now = time.monotonic()
    pool = Pool(FirstAvailable(), 10, now)
    metrics = AppMetrics(name, pool)
    for order in range(2):
        pool.add(Replica(order, f"{name}-{order}", 4, now - 2.0))
    ready = next(iter(pool))
    ready.host, ready.port, ready.last_probe = "127.0.0.1", 40000, "/ready answered 200"
    pool.apply(ready, Event.PASSED, now - 1.5)
    pool.reserve(now)
    metrics.usage[ready.id] = Usage(0.25, 4096)

    def identity(replica: Replica) -> Mapping[str, int | str]:
        return {"pid": 17} if replica is ready else {}

    return AdminApp(config, backend, pool, metrics, identity, FakeScaler(), fleet or FakeFleet())

"""A site with apps and replicas that tests make by hand: everything of the request path but the sockets' far ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from proxy.config import AppConfig, parse
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.core.replica import Event, Replica
from proxy.metrics import AppMetrics
from proxy.net.connections import Connections
from proxy.net.deadlines import Deadlines
from proxy.net.service import Service, Terms
from proxy.net.site import Site


def app_config(name: str = "demo", toml: str = "") -> AppConfig:
    return parse(f'[cerebrium.deployment]\nname = "{name}"\n{toml}', Path("cerebrium.toml"))


class App:
    """One app's part of the request path; `ready` adds replicas."""

    def __init__(self, config: AppConfig, connections: Connections, deadlines: Deadlines) -> None:
        self.config = config
        self.pool = Pool(FirstAvailable(), config.queue.max_length, time.monotonic())
        self.connections = connections
        self.metrics = AppMetrics(config.name, self.pool)
        self.service = Service(Terms.of(config), self.pool, connections, self.metrics, deadlines)

    def ready(self, limit: int = 1, host: str = "replica", port: int = 1) -> Replica:
        """One more replica, ready."""
        now = time.monotonic()
        replica = Replica(len(self.pool), f"{self.config.name}-{len(self.pool)}", limit, now)
        replica.host, replica.port = host, port
        self.pool.add(replica)
        self.pool.apply(replica, Event.PASSED, now)
        return replica

    @property
    def slots_taken(self) -> list[int]:
        return [replica.in_flight for replica in self.pool]

    @property
    def statuses(self) -> dict[int, int]:
        """What was answered how often; 499: the client left."""
        return dict(self.metrics.requests)


class RealHouse:
    """With real connections to the replicas, for tests over sockets."""

    def __init__(self, tasks: asyncio.TaskGroup, configs: Sequence[AppConfig]) -> None:
        self.deadlines = Deadlines(0.02)
        self.apps = [App(config, Connections(tasks, self.deadlines, 2.0), self.deadlines) for config in configs]
        self.site = Site([app.service for app in self.apps], self.deadlines)

"""What an app's replicas are made from at one time, and how starting them went."""

from __future__ import annotations

import asyncio

from proxy.backends.base import Backend
from proxy.config import AppConfig
from proxy.control.preparation import Preparation
from proxy.control.prober import Prober
from proxy.control.recovery import Recovery
from proxy.core.pool import Pool


class Revision:
    """Settings with the backend that starts replicas from them; `proven`: one of its replicas has been ready."""

    def __init__(
        self, number: int, config: AppConfig, backend: Backend, prober: Prober, pool: Pool, tasks: asyncio.TaskGroup
    ) -> None:
        self.number = number
        self.config = config
        self.backend = backend
        self.prober = prober
        self.preparation = Preparation(backend, tasks)
        self.recovery = Recovery(config.name, pool)
        self.proven = False
        self.identity = ""  # what replicas are made from; known once it is prepared

    @property
    def limit(self) -> int:
        """What its replicas were told to take at once."""
        return self.config.scaling.replica_concurrency

    @property
    def bare_functions(self) -> bool:
        """Its replicas are function servers: in a container there is a gate before them, which sees a hang itself."""
        return self.config.custom is None and not self.backend.outlives

    async def prepare(self) -> None:
        """Raises StartError."""
        await self.preparation.done()
        self.identity = await self.backend.identity()

    def take(self, other: Revision) -> None:
        """Go on with the settings of one whose replicas would be the same."""
        self.config, self.backend, self.prober = other.config, other.backend, other.prober
        self.preparation = other.preparation

"""What the admin port may see of an app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.config import AppConfig
from proxy.core.autoscaler.decision import Decision
from proxy.core.pool import Pool
from proxy.core.replica import Replica
from proxy.metrics import AppMetrics


@dataclass(frozen=True, slots=True)
class AdminApp:
    """One app; the callables reach what belongs to other layers."""

    config: AppConfig
    backend: str
    pool: Pool
    metrics: AppMetrics
    identity: Callable[[Replica], Mapping[str, int | str]]
    last_decision: Callable[[], Decision | None]

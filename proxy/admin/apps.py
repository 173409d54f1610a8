"""What the admin port may see of an app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from proxy.config import AppConfig
from proxy.core.autoscaler.limits import Override
from proxy.core.autoscaler.record import Records
from proxy.core.pool import Pool
from proxy.core.replica import Replica
from proxy.metrics import AppMetrics


class Steering(Protocol):
    """What decides how many replicas run, and takes an operator's word."""

    @property
    def records(self) -> Records: ...

    @property
    def override(self) -> Override: ...

    def scale(self, override: Override) -> None: ...


class Fleet(Protocol):
    """What ends replicas by an operator's word; `now` is the monotonic clock's."""

    def send_away(self, replica: Replica, now: float) -> None: ...

    def restart(self, replica: Replica, now: float) -> None: ...


def _first() -> Mapping[str, object]:
    return {"number": 1, "state": "in service", "reason": ""}


@dataclass(slots=True)
class AdminApp:
    """One app; the callables reach what belongs to other layers. A reload changes `config` and `backend`."""

    config: AppConfig
    backend: str
    pool: Pool
    metrics: AppMetrics
    identity: Callable[[Replica], Mapping[str, int | str]]
    scaler: Steering
    fleet: Fleet
    revision: Callable[[], Mapping[str, object]] = _first

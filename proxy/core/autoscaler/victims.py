"""Which replicas go when fewer are wanted."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.core.replica import Replica, State


def victims(replicas: Iterable[Replica], count: int) -> list[Replica]:
    """Starting ones first (the youngest of them), then the longest idle, then those with fewest in flight."""
    return sorted((replica for replica in replicas if replica.wanted), key=_worth)[:count]


def _worth(replica: Replica) -> tuple[int, float, int]:
    if replica.state is State.STARTING:
        return (0, -replica.order, 0)
    if not replica.in_flight:
        return (1, replica.idle_since, -replica.order)
    return (2, replica.in_flight, -replica.order)

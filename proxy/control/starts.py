"""What is being started, in one line for a person who waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from proxy.core.pool import Pool
from proxy.core.replica import Replica, State

_LOOK_SECONDS = 0.5


async def tell_starts(pools: Sequence[Pool], tell: Callable[[str], None]) -> None:
    """Tell it twice a second for as long as it runs, and that nothing is at its end."""
    try:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            tell(starts((replica for pool in pools for replica in pool), time.monotonic()))
    finally:
        tell("")


def starts(replicas: Iterable[Replica], now: float) -> str:
    """The one that started first with what it said last, and how many others; "" without any."""
    starting = sorted((one for one in replicas if one.state is State.STARTING), key=lambda replica: replica.started_at)
    if not starting:
        return ""
    first = starting[0]
    said = f": {first.last_probe}" if first.last_probe else ""
    others = f", and {len(starting) - 1} more" if len(starting) > 1 else ""
    return f"{first.id} is starting, {now - first.started_at:.0f} s{others}{said}"

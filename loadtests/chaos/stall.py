"""How long a busy machine let everybody wait: what came too late then need not be the proxy's fault."""

from __future__ import annotations

import asyncio
import time

TICK_SECONDS = 0.05
WORTH_TELLING_SECONDS = 1.0


class Stalls:
    """`longest`, in seconds, of this process itself, which does little."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self.longest = max(self.longest, time.monotonic() - began - TICK_SECONDS)

    def told(self) -> list[str]:
        if self.longest < WORTH_TELLING_SECONDS:
            return []
        return [f"the machine was busy: it let the clients themselves wait for up to {self.longest:.1f} s"]

"""After replicas failed: the pause before the next start, and the answer to those who wait for one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from proxy.core.health import Backoff
from proxy.core.pool import Pool
from proxy.core.replica import Replica
from proxy.errors import NoReplica

_LOG_LINES_SHOWN = 10


class Recovery:
    """Lets requests of one app wait for a start only as long as there is hope in it."""

    def __init__(self, app: str, pool: Pool) -> None:
        self._app = app
        self._pool = pool
        self._backoff = Backoff()
        # Asked where starting fails again and again; true if it has found another way than to refuse who waits.
        self.rescue: Callable[[str], bool] = lambda _reason: False

    def failed(self, replica: Replica, reason: str, last_lines: Sequence[str], now: float) -> None:
        """Pause; if starting keeps failing and nothing else serves, refuse all who wait, with the reason."""
        ready_seconds = 0.0 if replica.ready_at is None else now - replica.ready_at
        self._backoff.failed(replica.started_at, ready_seconds, now)
        if self._backoff.hopeless and self.rescue(reason):
            return
        never_ready = replica.ready_at is None
        if never_ready and self._backoff.hopeless and not any(other.routable for other in self._pool):
            self.give_up(reason, last_lines, now)

    def give_up(self, reason: str, last_lines: Sequence[str], now: float) -> None:
        """Refuse all who wait, and who come, until a start may be tried again."""
        first = f"no replica of {self._app} can be started: {reason}"
        message = "\n".join([first, *last_lines[-_LOG_LINES_SHOWN:]])
        self._pool.refuse(lambda: NoReplica(message, self._retry_after_seconds()), now)

    def stuck(self, reason: str, began: float, now: float) -> None:
        """Before any start the backend failed: pause as after a crash, and refuse all who wait."""
        self._backoff.failed(began, 0.0, now)
        self.give_up(reason, (), now)

    def unstuck(self, now: float) -> None:
        """The backend works: replicas may be started, and requests may wait for them."""
        self._backoff = Backoff()
        self._pool.refuse(None, now)

    @property
    def hopeless(self) -> bool:
        """Starting failed again right after it had failed."""
        return self._backoff.hopeless

    def succeeded(self, now: float) -> None:
        """A replica is ready: requests may wait for a slot again."""
        self._pool.refuse(None, now)

    def pause_seconds(self, now: float) -> float:
        """How long it is until the next start."""
        return max(0.0, self._backoff.until - now)

    def may_start(self, now: float) -> bool:
        """Not in the pause. Once it is over, requests may wait for the next start."""
        if now < self._backoff.until:
            return False
        self._pool.refuse(None, now)
        return True

    def _retry_after_seconds(self) -> int:
        return max(1, math.ceil(self._backoff.until - time.monotonic()))

"""What one client may use of the apps, and what it uses."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from proxy.errors import RateLimited

# Of one pause between two requests: what adding up pauses may be wrong by.
_TOLERANCE: Final = 1e-6
# So many clients that were seen are remembered before those who use nothing are forgotten.
REMEMBERED: Final = 1_000


class Limits(NamedTuple):
    """`concurrency` requests at once; `per_second` on average, and `burst` of them at once; 0 is no limit."""

    concurrency: int = 0
    per_second: float = 0.0
    burst: int = 0


class Allowance:
    """Counts one client's requests, and spaces them (GCRA: ITU-T I.371, "virtual scheduling").

    Times are seconds of time.monotonic. Who enters or joins leaves once.
    """

    __slots__ = ("_burst_seconds", "_due", "_pause", "in_flight", "limits", "requests", "used_at")

    def __init__(self, limits: Limits) -> None:
        self.in_flight = 0
        self.requests = 0  # that were let in
        self.used_at: float | None = None  # by the last of them
        self._due = 0.0  # when the next request would come if they came evenly
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        """Other limits; what is in flight stays so."""
        self.limits = limits
        self._pause = 1 / limits.per_second if limits.per_second else 0.0
        burst = limits.burst or max(1, math.ceil(limits.per_second))
        self._burst_seconds = self._pause * (burst - 1 + _TOLERANCE)

    def enter(self, now: float, service_seconds: float) -> None:
        """One request begins. Raises RateLimited; `service_seconds` is how long one takes, to say when to come back."""
        self._check_room(service_seconds)
        self.spend(now)
        self.in_flight += 1

    def join(self, service_seconds: float) -> None:
        """One that has been counted in the rate begins. Raises RateLimited."""
        self._check_room(service_seconds)
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1

    def spend(self, now: float) -> None:
        """Count one in the rate. Raises RateLimited."""
        if self._pause:
            due = max(self._due, now)
            early = due - now - self._burst_seconds
            if early > 0:
                raise RateLimited(f"this key may make {self.limits.per_second:g} requests per second", _whole(early))
            self._due = due + self._pause
        self.requests += 1
        self.used_at = now

    def idle(self, now: float) -> bool:
        """Nothing is in flight, and nothing would be different if it had never been used."""
        return not self.in_flight and self._due <= now

    def _check_room(self, service_seconds: float) -> None:
        most = self.limits.concurrency
        if most and self.in_flight >= most:
            raise RateLimited(f"this key may have {most} requests at once", _whole(service_seconds / most))


class Allowances:
    """One for each client of a kind that is not known beforehand, all with the same limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._by_name: dict[str, Allowance] = {}
        self._enough = REMEMBERED

    def __len__(self) -> int:
        return len(self._by_name)

    def of(self, name: str, now: float) -> Allowance:
        found = self._by_name.get(name)
        if found is None:
            if len(self._by_name) >= self._enough:
                self._forget_idle(now)
            found = self._by_name[name] = Allowance(self.limits)
        return found

    def _forget_idle(self, now: float) -> None:
        """Looked at again when there are twice as many: so it costs each newcomer little."""
        self._by_name = {name: each for name, each in self._by_name.items() if not each.idle(now)}
        self._enough = max(REMEMBERED, 2 * len(self._by_name))


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))

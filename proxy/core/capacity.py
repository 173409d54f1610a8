"""The room of one machine for the replicas of all its apps, and who gets it where it does not suffice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields

from proxy.core.pool import Pool
from proxy.core.replica import Replica, State

_NAMES = {"cpu": "cpu", "memory_gb": "GB of memory", "gpus": "GPU"}
# Shares such as 0.1 of a core do not add up exactly.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Resources:
    """Cores, GB and GPUs; infinity is no limit."""

    cpu: float = 0.0
    memory_gb: float = 0.0
    gpus: float = 0.0

    def plus(self, other: Resources, times: int = 1) -> Resources:
        return Resources(
            self.cpu + times * other.cpu,
            self.memory_gb + times * other.memory_gb,
            self.gpus + times * other.gpus,
        )

    def lacks(self, need: Resources) -> list[str]:
        """The fields of which there is less than `need`."""
        names = [one.name for one in fields(self)]
        return [name for name in names if getattr(need, name) > getattr(self, name) + _ROUNDING]

    def fits(self, need: Resources, most: int) -> int:
        """How many times `need` is in it, at most `most`."""
        count = 0
        while count < most and not self.plus(need, -count).lacks(need):
            count += 1
        return count


def _sum(parts: Iterable[Resources]) -> Resources:
    total = Resources()
    for part in parts:
        total = total.plus(part)
    return total


UNLIMITED = Resources(math.inf, math.inf, math.inf)


@dataclass(slots=True, eq=False)
class Tenant:
    """One app on the machine; `need` is what each of its replicas takes from its start until it is gone.

    `others` are the needs of revisions whose replicas take something else, by number.
    """

    name: str
    need: Resources
    protected: bool
    pool: Pool
    drain: Callable[[Replica, float], None]
    wake: Callable[[], None]
    others: dict[int, Resources] = field(default_factory=dict)

    def held_by(self, replica: Replica) -> Resources:
        return self.others.get(replica.revision, self.need)

    @property
    def held(self) -> Resources:
        """By all of its replicas."""
        return _sum(map(self.held_by, self.pool)) if self.others else Resources().plus(self.need, len(self.pool))

    @property
    def leaving(self) -> Resources:
        """By those that end."""
        return _sum(self.held_by(replica) for replica in self.pool if not replica.wanted)


@dataclass(frozen=True, slots=True)
class Room:
    """What an app gets: so many starts now, replicas of others that make way, and why it gets no more."""

    starts: int
    evicted: tuple[tuple[Tenant, Replica], ...] = ()
    reason: str = ""


class Machine:
    """Owns who waits for room, in the order in which they came; protected apps stand before all others."""

    def __init__(self, limit: Resources = UNLIMITED) -> None:
        self.limit = limit
        self._tenants: list[Tenant] = []
        self._waiting: dict[Tenant, int] = {}  # how many replicas each lacks

    def join(self, tenant: Tenant) -> None:
        self._tenants.append(tenant)

    def wake_waiting(self) -> None:
        """Call when a replica is gone: there may be room now."""
        for tenant in self._line():
            tenant.wake()

    def may_recall(self, tenant: Tenant) -> bool:
        """Whether a draining replica of the app may stay: not where a protected app waits for its room."""
        return tenant.protected or not any(other.protected for other in self._waiting)

    def ask(self, tenant: Tenant, missing: int) -> Room:
        """Room for `missing` more replicas of the app; 0 takes it out of the line of those who wait."""
        free, soon = self._left_for(tenant)
        starts = free.fits(tenant.need, missing)
        if starts == missing:
            self._waiting.pop(tenant, None)
            return Room(starts)
        self._waiting[tenant] = missing - starts
        free, soon = free.plus(tenant.need, -starts), soon.plus(tenant.need, -starts)
        evicted = tuple(self._make_way(tenant, missing - starts, soon)) if tenant.protected else ()
        return Room(starts, evicted, self._reason(tenant.need, free, evicted))

    def leave(self, tenant: Tenant) -> None:
        """The app is gone; what its replicas held is free."""
        self._tenants.remove(tenant)
        self._waiting.pop(tenant, None)
        self.wake_waiting()

    def spare(self, tenant: Tenant, most: int) -> int:
        """How many more replicas than it needs there is room for; nobody makes way for them."""
        return self._left_for(tenant)[0].fits(tenant.need, most)

    def _line(self) -> list[Tenant]:
        return sorted(self._waiting, key=lambda tenant: not tenant.protected)  # stable: first come, first served

    def _left_for(self, tenant: Tenant) -> tuple[Resources, Resources]:
        """What is free for it now, and what will be once all that drains has gone.

        Those before it in the line keep what they can use of it, and no more: nobody waits for the sake of
        an app that cannot start anyway.
        """
        free = self.limit
        for other in self._tenants:
            free = free.plus(other.held, -1)
        soon = free
        for other in self._tenants:
            soon = soon.plus(other.leaving)
        for other in self._ahead_of(tenant):
            kept = (soon if other.protected else free).fits(other.need, self._waiting[other])
            free, soon = free.plus(other.need, -kept), soon.plus(other.need, -kept)
        return free, soon

    def _ahead_of(self, tenant: Tenant) -> Iterator[Tenant]:
        """Those in line before it; before one that is not in line yet, all who do not have to make way for it."""
        for other in self._line():
            if other is tenant:
                return
            if tenant in self._waiting or other.protected or not tenant.protected:
                yield other

    def _make_way(self, tenant: Tenant, lacking: int, soon: Resources) -> Iterator[tuple[Tenant, Replica]]:
        """The replicas whose end, beside what drains already, makes room for up to `lacking` more of the app's."""
        candidates = self._interruptible(tenant)
        for _ in range(lacking):
            chosen = _enough(candidates, soon, tenant.need)
            if chosen is None:
                return
            for other, replica in chosen:
                candidates.remove((other, replica))
                soon = soon.plus(other.held_by(replica))
                yield other, replica
            soon = soon.plus(tenant.need, -1)

    def _interruptible(self, tenant: Tenant) -> list[tuple[Tenant, Replica]]:
        """The idle ones of other apps first, the longest idle before all; then the others, the youngest first."""
        candidates = [
            (other, replica)
            for other in self._tenants
            if other is not tenant and not other.protected
            for replica in other.pool
            if replica.wanted
        ]
        return sorted(candidates, key=_worth)

    def _reason(self, need: Resources, free: Resources, evicted: tuple[tuple[Tenant, Replica], ...]) -> str:
        lacks = [
            f"{getattr(need, name):g} {_NAMES[name]}, {max(0.0, getattr(free, name)):g} free "
            f"of {getattr(self.limit, name):g}"
            for name in free.lacks(need)
        ]
        reason = f"no room: needs {' and '.join(lacks)}"
        if evicted:
            names = ", ".join(f"{replica.id} of {other.name}" for other, replica in evicted)
            reason += f"; {names} makes way" if len(evicted) == 1 else f"; {names} make way"
        return reason


def _worth(candidate: tuple[Tenant, Replica]) -> tuple[int, float]:
    _, replica = candidate
    if replica.state is not State.STARTING and not replica.in_flight:
        return (0, replica.idle_since)
    return (1, -replica.started_at)


def _enough(
    candidates: list[tuple[Tenant, Replica]], soon: Resources, need: Resources
) -> list[tuple[Tenant, Replica]] | None:
    """The first of them that make room for one replica, without those that turn out not to be needed; None: no way."""
    chosen: list[tuple[Tenant, Replica]] = []
    for other, replica in candidates:
        if not soon.lacks(need):
            break
        chosen.append((other, replica))
        soon = soon.plus(other.held_by(replica))
    if soon.lacks(need):
        return None
    for other, replica in reversed(chosen[:-1]):
        if not soon.plus(other.held_by(replica), -1).lacks(need):
            chosen.remove((other, replica))
            soon = soon.plus(other.held_by(replica), -1)
    return chosen

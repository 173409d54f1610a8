"""The decisions of an app that are kept: what was wanted, why, and what it was decided from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from proxy.core.autoscaler.decision import Decision
from proxy.core.autoscaler.observation import Observation

RECORDS_KEPT = 1000


@dataclass(slots=True)
class Record:
    """A decision, as it was made first; `looks` in a row came to the same until `until`."""

    seen: Observation
    decision: Decision
    until: datetime
    looks: int = 1

    def document(self) -> dict[str, object]:
        """As plain values, for logs and the API."""
        decision = self.decision
        return {
            "at": self.seen.wall.isoformat(timespec="milliseconds"),
            "until": self.until.isoformat(timespec="milliseconds"),
            "looks": self.looks,
            "desired": decision.desired,
            "clamp": decision.clamp,
            "reason": decision.reason,
            "observed": round(decision.observed, 3),
            "terms": [asdict(term) for term in decision.terms],
            "min_replicas": decision.limits.min_replicas,
            "max_replicas": decision.limits.max_replicas,
            "inputs": _inputs(self.seen),
        }


class Records:
    """The last decisions of one app; one that only repeats the one before is told by its number of looks."""

    def __init__(self) -> None:
        self.last: Decision | None = None  # whole and up to date
        self._kept: deque[Record] = deque(maxlen=RECORDS_KEPT)

    def __iter__(self) -> Iterator[Record]:
        """The oldest first."""
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Record:
        return self._kept[index]

    def note(self, seen: Observation, decision: Decision) -> Record:
        before, self.last = self.last, decision
        if before is not None and (before.desired, before.clamp) == (decision.desired, decision.clamp):
            record = self._kept[-1]
            record.until, record.looks = seen.wall, record.looks + 1
        else:
            self._kept.append(Record(replace(seen, journal=()), decision, seen.wall))
        return self._kept[-1]


def _inputs(seen: Observation) -> dict[str, object]:
    cold = seen.cold_start
    return {
        "in_flight": seen.in_flight,
        "queued": seen.queued,
        "oldest_wait_seconds": round(seen.oldest_wait_seconds, 3),
        "mean_demand": round(seen.sample.mean, 3),
        "arrivals": seen.sample.arrivals,
        "refused": seen.sample.refused,
        "seconds": round(seen.sample.seconds, 3),
        "replicas": seen.replicas,
        "ready": seen.ready,
        "starting": seen.starting,
        "draining": seen.draining,
        "inherited": seen.inherited,
        "service_seconds": _rounded(seen.service_seconds),
        "cold_start_seconds": _rounded(cold.seconds if cold else None),
        "cold_start_phases": {name: round(seconds, 3) for name, seconds in cold.phases.items()} if cold else {},
        "cpu_ratio": _rounded(seen.cpu_ratio),
        "memory_ratio": _rounded(seen.memory_ratio),
        "forecast": {name: round(value, 3) for name, value in asdict(seen.forecast).items()} if seen.forecast else None,
        "override": asdict(seen.override),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

"""The figures of one simulated run, in the words and units that are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.simulation.ledger import Ledger, Moment


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that requests waited for a slot."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, waits: Sequence[float]) -> Waits:
        if not waits:
            return cls(0.0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(waits)
        count = len(ordered)
        middle, high, highest = (ordered[min(count - 1, int(share * count))] for share in (0.5, 0.95, 0.99))
        return cls(sum(ordered) / count, middle, high, highest, ordered[-1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """`late_share` of the requests waited longer than wait_seconds, or were refused: `refused` of them."""

    name: str  # of the setting, for people
    policy: str
    requests: int
    replica_seconds: float
    cold_starts: int
    max_replicas: int
    waits: Waits
    late_share: float
    refused: int
    moments: tuple[Moment, ...]

    @classmethod
    def of(cls, name: str, policy: str, ledger: Ledger, wait_seconds: float) -> Outcome:
        waits = ledger.waits
        late = sum(wait > wait_seconds for wait in waits) + ledger.late_refusals
        return cls(
            name=name,
            policy=policy,
            requests=len(waits),
            replica_seconds=ledger.replica_seconds,
            cold_starts=ledger.cold_starts,
            max_replicas=ledger.max_replicas,
            waits=Waits.of(waits),
            late_share=min(len(waits), late) / len(waits) if waits else 0.0,
            refused=ledger.late_refusals,
            moments=tuple(ledger.moments),
        )

    def document(self) -> dict[str, object]:
        waits = self.waits
        return {
            "policy": self.policy,
            "requests": self.requests,
            "replica_seconds": round(self.replica_seconds, 3),
            "cold_starts": self.cold_starts,
            "max_replicas": self.max_replicas,
            "wait_seconds": {name: round(getattr(waits, name), 6) for name in ("mean", "p50", "p95", "p99", "max")},
            "late_share": round(self.late_share, 6),
        }

"""What became of the requests: their latency from the moment that they were due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

LADDER = (50, 75, 90, 95, 99, 99.9, 99.99)


class Sample(NamedTuple):
    """One request, in seconds: `due` since the beginning, `lag` from due to sent, `latency` from due to the last byte
    of the answer, `took` as the server says of its own service (NaN if it does not).

    `status` is 0, and `error` says why, if there was no whole answer.
    """

    due: float
    lag: float
    latency: float
    took: float
    status: int
    error: str

    @property
    def answered(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Spread:
    """Exact, in seconds; `percentiles` has a key for each step of the LADDER ("50" … "99.99")."""

    count: int
    mean: float
    percentiles: Mapping[str, float]
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """None of nothing."""
        known = np.array([value for value in values if value == value])  # noqa: PLR0124 - NaN
        if not known.size:
            return None
        steps = dict(zip(map(str, LADDER), np.percentile(known, LADDER, method="higher").tolist(), strict=True))
        return cls(known.size, float(known.mean()), steps, float(known.max()))

    @property
    def p50(self) -> float:
        return self.percentiles["50"]

    @property
    def p95(self) -> float:
        return self.percentiles["95"]

    @property
    def p99(self) -> float:
        return self.percentiles["99"]


@dataclass(frozen=True)
class Result:
    """Of the requests after the warm-up. Latency counts answers of 2xx only; what failed is in `statuses`."""

    samples: Sequence[Sample]
    seconds: float

    @property
    def latency(self) -> Spread | None:
        """From due to the last byte: what a user sees who does not care when the generator got round to it."""
        return Spread.of(sample.latency for sample in self.samples if sample.answered)

    @property
    def from_sent(self) -> Spread | None:
        """What a generator that waits would have reported."""
        return Spread.of(sample.latency - sample.lag for sample in self.samples if sample.answered)

    @property
    def wait(self) -> Spread | None:
        """Latency without the service that the server tells: queueing, and the way there and back."""
        return Spread.of(sample.latency - sample.took for sample in self.samples if sample.answered)

    @property
    def lag(self) -> Spread | None:
        return Spread.of(sample.lag for sample in self.samples)

    @property
    def statuses(self) -> Counter[str]:
        """By status, or by error where there was no whole answer."""
        return Counter(str(sample.status or sample.error) for sample in self.samples)

    @property
    def failures(self) -> int:
        return sum(not sample.answered for sample in self.samples)

    def document(self) -> dict[str, object]:
        """As JSON."""
        spreads = {"latency": self.latency, "from_sent": self.from_sent, "wait": self.wait, "send_lag": self.lag}
        said = {f"{name}_seconds": asdict(spread) if spread else None for name, spread in spreads.items()}
        counts = {"requests": len(self.samples), "failures": self.failures, "statuses": dict(self.statuses)}
        return {**counts, "seconds": self.seconds, "rate": len(self.samples) / self.seconds, **said}

    def text(self) -> str:
        """A table of milliseconds, and a line of counts."""
        head = f"{'ms':12}" + "".join(f"{f'p{step}':>10}" for step in LADDER) + f"{'max':>10}{'mean':>10}"
        named = (("latency", self.latency), ("from sent", self.from_sent), ("wait", self.wait), ("send lag", self.lag))
        rows = [_row(name, spread) for name, spread in named if spread]
        counts = ", ".join(f"{what}: {count}" for what, count in self.statuses.most_common())
        rate = len(self.samples) / self.seconds
        return "\n".join([head, *rows, "", f"{len(self.samples)} requests, {rate:.1f} a second; {counts}"])


def _row(name: str, spread: Spread) -> str:
    return f"{name:12}" + "".join(
        f"{1000 * value:10.2f}" for value in (*spread.percentiles.values(), spread.max, spread.mean)
    )

"""What is wrong with an app: told once when it begins, and once when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from proxy.core.failure import Failure

CRASHES: Final = 3
CRASH_SECONDS: Final = 600.0
# A line or a limit that is left and reached again every few seconds is one trouble, not many.
CALM_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Signs:
    """One look at an app; `failures` are those since the look before."""

    failures: tuple[Failure, ...]
    ready: int
    queued: int
    at_most: bool  # more replicas are wanted than max_replicas allows


@dataclass(frozen=True, slots=True)
class Thresholds:
    """0 is never."""

    queue_length: int = 0
    full_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for a person; `over`: the trouble of this kind has ended."""

    kind: str
    text: str
    over: bool = False


class Trouble:
    """One kind: on from when it was seen for `patience` seconds until it was not seen for CALM_SECONDS."""

    def __init__(self, patience: float) -> None:
        self.on = False
        self.patience = patience
        self._since: float | None = None
        self._seen_at = float("-inf")

    def look(self, seen: bool, now: float) -> bool:
        """True if it began or ended just now."""
        if seen:
            self._seen_at = now
            self._since = now if self._since is None else self._since
        elif now - self._seen_at >= CALM_SECONDS:
            self._since = None
        on = self._since is not None and (self.on or (seen and now - self._since >= self.patience))
        self.on, changed = on, on != self.on
        return changed


class Alarms:
    """What is known to be wrong with one app. Times are seconds of one clock."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._unstartable = False
        self._crashes: list[float] = []
        self._looping = False
        self._line = Trouble(patience=0.0)
        self._full = Trouble(patience=thresholds.full_seconds)

    def configure(self, thresholds: Thresholds) -> None:
        """Look for this from now on; what is known stays known."""
        self._thresholds = thresholds
        self._full.patience = thresholds.full_seconds

    def look(self, signs: Signs, now: float) -> list[Notice]:
        return [
            *_memory(signs.failures),
            *self._starts(signs),
            *self._loop(signs, now),
            *self._queue(signs, now),
            *self._limit(signs, now),
        ]

    def _starts(self, signs: Signs) -> Iterable[Notice]:
        failed = [failure for failure in signs.failures if not failure.was_ready]
        if failed and not self._unstartable:
            self._unstartable = True
            yield Notice("failed start", f"replica {failed[-1].replica} did not start: {failed[-1].reason}")
        elif self._unstartable and signs.ready and not failed:
            self._unstartable = False
            yield Notice("failed start", "a replica is ready", over=True)

    def _loop(self, signs: Signs, now: float) -> Iterable[Notice]:
        crashed = [failure for failure in signs.failures if failure.was_ready]
        self._crashes = [at for at in self._crashes if now - at < CRASH_SECONDS] + [now] * len(crashed)
        if crashed and not self._looping and len(self._crashes) >= CRASHES:
            self._looping = True
            text = f"{len(self._crashes)} replicas failed within {CRASH_SECONDS / 60:.0f} minutes, the last one: "
            yield Notice("crash loop", text + crashed[-1].reason)
        elif self._looping and not self._crashes:
            self._looping = False
            yield Notice("crash loop", f"no replica has failed for {CRASH_SECONDS / 60:.0f} minutes", over=True)

    def _queue(self, signs: Signs, now: float) -> Iterable[Notice]:
        most = self._thresholds.queue_length
        if most and self._line.look(signs.queued >= most, now):
            yield Notice("queue", f"{signs.queued} requests wait (told from {most} on)", over=not self._line.on)

    def _limit(self, signs: Signs, now: float) -> Iterable[Notice]:
        seconds = self._thresholds.full_seconds
        if seconds and self._full.look(signs.at_most, now):
            full = f"more replicas than max_replicas have been wanted for {seconds / 60:g} minutes; {signs.queued} wait"
            text = full if self._full.on else "max_replicas is enough again"
            yield Notice("max_replicas", text, over=not self._full.on)


def _memory(failures: tuple[Failure, ...]) -> Iterable[Notice]:
    for failure in failures:
        if failure.reason.startswith("out of memory"):
            yield Notice("out of memory", f"replica {failure.replica}: {failure.reason}")

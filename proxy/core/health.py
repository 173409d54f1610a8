"""Streaks: of failed health probes, and of failed starts with the pause that follows them."""

from __future__ import annotations

_PAUSES_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


class Health:
    """Counts health probes that failed in a row; `failures` of them condemn the replica."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self._streak = 0

    def note(self, passed: bool) -> bool:
        """Take one probe's result; true if the replica is condemned."""
        self._streak = 0 if passed else self._streak + 1
        return self._streak >= self.failures


class Backoff:
    """When the next replica may be started after crashes: at once after the first, then 1, 2, 4 … 60 seconds.

    Replicas that were started together and crash together count once. The end of one that had been ready for the
    longest pause, or was started so long after the last one, begins a new streak.
    """

    def __init__(self) -> None:
        self.streak = 0
        self.until = 0.0
        self._counted_at = float("-inf")

    @property
    def hopeless(self) -> bool:
        """Starting failed again right after it had failed: those who wait are told."""
        return self.streak >= 2

    def failed(self, started_at: float, ready_seconds: float, now: float) -> None:
        if max(ready_seconds, started_at - self.until) >= _PAUSES_SECONDS[-1]:
            self.streak = 0
        elif started_at < self._counted_at:
            return
        self.streak += 1
        self._counted_at = now
        self.until = now + _PAUSES_SECONDS[min(self.streak, len(_PAUSES_SECONDS)) - 1]

"""What the replicas wrote down themselves: it outlives them, however they end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


class Journal:
    """A file of lines "PID EVENT [VALUE]": start, most COUNT, begin METHOD TARGET, crash SECONDS."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def _lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text(errors="replace").splitlines()]

    def started(self) -> list[int]:
        return [int(pid) for pid, event, *_ in self._lines() if event == "start"]

    def crashes(self) -> list[float]:
        """When, in seconds of time.monotonic."""
        return [float(value[0]) for _, event, *value in self._lines() if event == "crash"]

    def most(self) -> int:
        """The most requests that a replica ever had at once, by its own count."""
        return max((int(value[0]) for _, event, *value in self._lines() if event == "most"), default=0)

    def begun(self) -> Counter[str]:
        """How often each "METHOD TARGET" reached a replica."""
        return Counter(" ".join(value) for _, event, *value in self._lines() if event == "begin")

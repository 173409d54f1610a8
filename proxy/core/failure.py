"""A replica that failed, as it is remembered for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

FAILURES_KEPT: Final = 50
LINES_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """`kind` is one of few, `reason` a sentence; `last_lines` is the end of what the replica printed."""

    at: datetime  # aware
    replica: str
    kind: str
    reason: str
    last_probe: str
    last_lines: tuple[str, ...]
    was_ready: bool

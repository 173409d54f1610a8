"""What is known of one replica besides its slots, from its start request to its end."""

from __future__ import annotations

import asyncio

from proxy.backends.base import Handle
from proxy.control.revision import Revision
from proxy.control.termination import End, Termination
from proxy.control.vigil import Vigil


class Life:
    """`adopted`: an earlier proxy has started it, and this is its handle."""

    def __init__(self, revision: Revision, adopted: Handle | None = None, limit: int | None = None) -> None:
        self.revision = revision
        self.limit = limit or revision.limit  # what it was told to take at once
        self.task: asyncio.Task[End] | None = None
        self.handle = adopted
        self.adopted = adopted is not None
        self.vigil: Vigil | None = None
        self.termination: Termination | None = None
        self.sent_away = False  # by hand: it is not taken back
        self.told_ready = False

    def phases(self, started_at: float, now: float) -> dict[str, float]:
        """The seconds of a cold start that is over now, by metrics.PHASES."""
        if self.handle is None or self.vigil is None:
            return {}
        create, began, spoke_at = self.handle.create_seconds, self.vigil.began, self.vigil.spoke_at or now
        return {
            "create": create,
            "start": max(0.0, began - started_at - create),
            "load": spoke_at - began,
            "ready": now - spoke_at,
        }

"""What every backend offers: start one replica, watch it, signal it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Exit:
    """How a replica ended: `reason` is a phrase for a person ("exited with code 3", "killed by SIGKILL")."""

    code: int | None
    reason: str


class Handle(Protocol):
    """One started replica."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def identity(self) -> Mapping[str, int | str]:
        """What the machine knows it by: {"pid": …} or {"container_id": …}."""

    @property
    def create_seconds(self) -> float:
        """Of its start, what went into making it before it was started (a container); 0 where nothing is made."""

    def last_lines(self) -> tuple[str, ...]:
        """The end of its output, oldest first, bounded."""

    async def wait(self) -> Exit:
        """Return once it is gone with everything it started; may be awaited by several, and again."""

    async def terminate(self) -> None:
        """Send SIGTERM; nothing happens if it is gone."""

    async def kill(self) -> None:
        """Send SIGKILL to all of it; nothing happens if it is gone."""


class Backend(Protocol):
    """Starts the replicas of one app. `restarts`: one that fails can be ended and replaced by another."""

    restarts: bool

    def check(self) -> None:
        """Raise UserError for what would fail every start and can be seen before the first."""

    async def prepare(self) -> None:
        """Do what has to be done once before the first start (install, pull); raises StartError."""

    async def start(self, replica_id: str) -> Handle:
        """Start one replica; returns before it is ready; raises StartError."""

    async def close(self) -> None:
        """Give back what the backend itself holds; every replica has ended before."""

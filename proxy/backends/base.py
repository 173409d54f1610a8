"""What every backend offers: start one replica, watch it, signal it, measure it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.config import AppConfig


@dataclass(frozen=True, slots=True)
class Exit:
    """How a replica ended: `reason` is a phrase for a person ("exited with code 3", "killed by SIGKILL")."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Consumption:
    """What a replica has used: seconds of processor time since its start, and the bytes of memory it holds now."""

    cpu_seconds: float
    memory_bytes: int


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
    def obstacle(self) -> str:
        """Why it cannot answer just now, as known without asking it ("its container is paused"); else ""."""

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


@dataclass(frozen=True, slots=True)
class Found:
    """A replica that an earlier proxy left running; `current` if a new one would be just like it.

    `limit` is how many requests it was told to take at once, None if that is not known.
    """

    replica_id: str
    handle: Handle
    current: bool
    limit: int | None = None


class Backend(Protocol):
    """Starts the replicas of one app.

    `restarts`: one that fails can be ended and replaced by another. `outlives`: replicas can go on without the proxy.
    """

    restarts: bool
    outlives: bool

    async def check(self) -> None:
        """Raise UserError for what would fail every start and can be seen before the first."""

    async def find(self) -> Sequence[Found]:
        """The replicas of this app that run already and were not found before; raises StartError.

        Asked for before the first start.
        """

    async def prepare(self) -> None:
        """Do what has to be done once before the first start (install, pull); raises StartError."""

    async def identity(self) -> str:
        """What replicas are made from, asked for after `prepare`: other words when new ones would be unlike the old.

        Raises StartError.
        """

    def revise(self, config: AppConfig) -> Backend:
        """One for other settings of the same app, which shares what this one holds; this one is the one to close."""

    async def start(self, replica_id: str) -> Handle:
        """Start one replica; returns before it is ready; raises StartError."""

    async def consumption(self, handles: Mapping[str, Handle]) -> Mapping[str, Consumption]:
        """What those of `handles` have used of which that can be told, by the same keys."""

    async def close(self, keep: bool = False) -> None:
        """Give back what the backend itself holds; `keep` leaves replicas that still run."""

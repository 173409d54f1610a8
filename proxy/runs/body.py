"""Bodies of runs, which wait on the disk until their app takes them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from aiohttp import web

from proxy.errors import BodyTooLarge, NoReplica

# Of an app without tidegate.limits.max_body_bytes.
MAX_BODY_BYTES = 256 << 20
MAX_BODIES_BYTES = 4 << 30
_IN_MEMORY_BYTES = 65_536


class Room:
    """What the bodies of all runs take together, in bytes; one alone may be as large as its app lets it be."""

    def __init__(self, limit: int = MAX_BODIES_BYTES) -> None:
        self.taken = 0
        self._limit = limit

    def grow(self, held: int, size: int) -> None:
        """From `held` to `size`; raises NoReplica."""
        others = self.taken - held
        if others and others + size > self._limit:
            raise NoReplica(
                f"the run cannot be kept: the bodies of runs that wait may take {self._limit} bytes, and take {others} "
                "without it: try again when some have been made"
            )
        self.taken += size - held

    def give(self, held: int) -> None:
        self.taken -= held


class Body:
    """One in its `file`; gives its room back when it is closed."""

    def __init__(self, room: Room, folder: Path) -> None:
        self._room = room
        self._held = 0
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115  # closed by close()

    async def fill(self, request: web.BaseRequest, limit: int) -> None:
        """Raises BodyTooLarge, and NoReplica where the disk, or its share of it, takes no more."""
        self._grow(request.content_length or 0, limit)
        async for piece in request.content.iter_any():
            self._grow(self.file.tell() + len(piece), limit)
            try:
                self.file.write(piece)
            except OSError as error:
                raise NoReplica(f"the run cannot be kept: {error.strerror}") from error

    def close(self) -> None:
        self._room.give(self._held)
        self._held = 0
        self.file.close()

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _grow(self, size: int, limit: int) -> None:
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        if size > self._held:
            self._room.grow(self._held, size)
            self._held = size

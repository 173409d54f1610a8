"""The body of one request, between the client that sends it and the replica that is not there yet, or is slower."""

from __future__ import annotations

from typing import Final

from proxy.errors import BodyTooLarge
from proxy.wire.forward import LAST_CHUNK, chunk
from proxy.wire.request import Request

READ_AHEAD_BYTES: Final = 65_536
# Smaller pieces are kept together: each costs some 40 bytes more than it holds.
PIECE_BYTES: Final = 256


class Upload:
    """Keeps what came before there was a replica. `moved`: since last asked. `last`: what marks the end, if chunked."""

    __slots__ = ("_kept", "_kept_bytes", "_max_bytes", "blocked", "ended", "last", "moved", "received")

    def __init__(self, request: Request) -> None:
        self.last = LAST_CHUNK if request.chunked else b""
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._max_bytes = 0  # none
        self.received = 0
        self.ended = request.bodiless
        self.blocked = False  # the replica takes no more at the moment
        self.moved = False

    @property
    def congested(self) -> bool:
        return self.blocked or self._kept_bytes > READ_AHEAD_BYTES

    def limit(self, max_bytes: int, length: int | None) -> None:
        """It may have so many bytes; `length` is what the client has announced. Raises BodyTooLarge."""
        self._max_bytes = max_bytes
        self._check(max(length or 0, self.received))

    def receive(self, count: int) -> None:
        """So many bytes more have come. Raises BodyTooLarge."""
        self.received += count
        if self._max_bytes:
            self._check(self.received)

    def _check(self, length: int) -> None:
        if length > self._max_bytes:
            raise BodyTooLarge(f"the body is larger than {self._max_bytes} bytes")

    def keep(self, data: bytes) -> None:
        self.moved = True
        self._kept_bytes += len(data)
        if self._kept and len(self._kept[-1]) + len(data) <= PIECE_BYTES:
            self._kept[-1] += data
        else:
            self._kept.append(data)

    def kept(self) -> bytes:
        return b"".join(self._kept)

    def framed(self, data: bytes) -> bytes:
        self.moved = True
        return chunk(data) if self.last else data

    def after(self, head: bytes, again: bool) -> bytes:
        """The head and all that was kept, as one piece; `again`: it may have to be sent a second time."""
        self._kept_bytes = 0
        if not self._kept and not (self.ended and self.last):
            return head
        pieces = [head, *((chunk(data) for data in self._kept) if self.last else self._kept)]
        if self.ended:
            pieces.append(self.last)
        if not again:
            self._kept = []
        return b"".join(pieces)

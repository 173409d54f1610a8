"""The body of one request, between the client that sends it and the replica that is not there yet, or is slower."""

from __future__ import annotations

from typing import Final

from proxy.wire.forward import LAST_CHUNK, chunk
from proxy.wire.request import Request

READ_AHEAD_BYTES: Final = 65_536


class Upload:
    """Keeps what came before there was a replica; knows how the end is marked. `moved`: since last asked."""

    __slots__ = ("_chunked", "_kept", "_kept_bytes", "blocked", "ended", "moved", "received")

    def __init__(self, request: Request) -> None:
        self._chunked = request.chunked
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self.received = 0
        self.ended = request.bodiless
        self.blocked = False  # the replica takes no more at the moment
        self.moved = False

    @property
    def congested(self) -> bool:
        return self.blocked or self._kept_bytes > READ_AHEAD_BYTES

    def keep(self, data: bytes) -> None:
        self.moved = True
        self._kept.append(data)
        self._kept_bytes += len(data)

    def kept(self) -> bytes:
        return b"".join(self._kept)

    def framed(self, data: bytes) -> bytes:
        self.moved = True
        return chunk(data) if self._chunked else data

    @property
    def last(self) -> bytes:
        """What marks the end."""
        return LAST_CHUNK if self._chunked else b""

    def after(self, head: bytes, again: bool) -> bytes:
        """The head and all that was kept, as one piece; `again`: it may have to be sent a second time."""
        self._kept_bytes = 0
        if not self._kept and not (self.ended and self._chunked):
            return head
        pieces = [head, *((chunk(data) for data in self._kept) if self._chunked else self._kept)]
        if self.ended:
            pieces.append(self.last)
        if not again:
            self._kept = []
        return b"".join(pieces)

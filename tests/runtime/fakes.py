"""Stand-ins that remember what was done to them."""

from __future__ import annotations

import asyncio


class FakeTransport(asyncio.Transport):
    """Remembers what was written and how it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False
        self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.sent += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def settle() -> None:
    """Let everything run that needs no waiting."""
    for _ in range(10):
        await asyncio.sleep(0)

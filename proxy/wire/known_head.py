"""A head that came before need not be parsed again."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

MAX_BYTES: Final = 2_048

Message = TypeVar("Message")


class KnownHead(Generic[Message]):
    """The last head on one connection that came with its whole body in one read, and what llhttp made of it.

    Between two messages the same bytes mean the same. Clients and servers repeat their heads, and comparing one costs
    a twentieth of parsing it. Only for messages whose head tells the length of their body.
    """

    __slots__ = ("_head", "_size", "message")

    def __init__(self) -> None:
        self._head = b""
        self._size = -1
        self.message: Message

    def body(self, data: bytes) -> bytes | None:
        """The body, if `data` is the known head with a body of the length that it tells; else None."""
        if len(data) == self._size and data.startswith(self._head):
            return data[len(self._head) :]
        return None

    def learn(self, data: bytes, message: Message, length: int) -> None:
        """`data` was parsed as `message` and nothing else; `length` is what its head says of its body."""
        end = data.find(b"\r\n\r\n") + 4
        if end + length == len(data) and end <= MAX_BYTES:
            self._head, self._size, self.message = data[:end], len(data), message

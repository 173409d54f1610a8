"""A replica's answer on its way to the client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from proxy.wire.fields import Field
from proxy.wire.forward import (
    CHUNKED,
    CLOSE,
    LAST_CHUNK,
    NO_BODY,
    chunk,
    connection_field,
    interim_head,
    last_chunk,
    response_framing,
    response_head,
)
from proxy.wire.response import Response

if TYPE_CHECKING:
    from proxy.core.replica import Replica
    from proxy.net.exchange import Exchange


class Reply:
    """Collects what one read from the replica brought, so that it leaves in one write.

    `any`: something came. `started`: bytes of the final answer went to the client, so nothing else can be said.
    `tunnelled`: the first bytes of another protocol, after a 101; else None.
    """

    __slots__ = (
        "_exchange",
        "_framing",
        "_head",
        "_last",
        "_out",
        "_replica",
        "any",
        "complete",
        "keep_alive",
        "moved",
        "started",
        "status",
        "tunnelled",
    )

    def __init__(self, exchange: Exchange, replica: Replica) -> None:
        self._exchange = exchange
        self._replica = replica
        self._out: list[bytes] = []
        self._framing = NO_BODY
        self._head = False
        self._last = LAST_CHUNK
        self.status = 0
        self.keep_alive = False
        self.any = False
        self.started = False
        self.complete = False
        self.moved = False
        self.tunnelled: bytes | None = None

    @property
    def ends_with_connection(self) -> bool:
        return self._framing is CLOSE

    def on_response(self, response: Response) -> None:
        exchange = self._exchange
        request = exchange.request
        self.any = True
        if response.interim and response.status != 101:
            if not request.http10:
                self._out.append(interim_head(response, b""))
            return
        self._head = True
        self.status = response.status
        added = exchange.added_fields(self._replica, time.monotonic())
        if response.interim:
            self._out.append(interim_head(response, added))
            return
        self._framing = response_framing(request, response)
        self.keep_alive = exchange.may_keep_alive and self._framing is not CLOSE
        added += connection_field(request, self.keep_alive)
        self._out.append(response_head(response, self._framing, added))

    def on_response_body(self, data: bytes) -> None:
        self._out.append(chunk(data) if self._framing is CHUNKED else data)

    def on_response_trailers(self, trailers: list[Field]) -> None:
        self._last = last_chunk(trailers)

    def on_response_end(self) -> None:
        self.complete = True
        if self._framing is CHUNKED:
            self._out.append(self._last)

    def on_switch(self, rest: bytes) -> None:
        self.tunnelled = rest

    def taken(self) -> bytes:
        """What came since the last time, to be sent now."""
        self.moved = True
        self.started = self._head
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

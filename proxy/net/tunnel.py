"""Two connections that have left HTTP: what comes over one goes out over the other (RFC 9110 section 7.8)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from proxy.net.deadlines import NEVER
from proxy.net.ending import acknowledged, half_close, reset

if TYPE_CHECKING:
    from proxy.net.call import Call
    from proxy.net.exchange import Exchange
    from proxy.net.hangup import HangupWatch

# How often idleness and the end of a drain are looked at.
TICK_SECONDS = 1.0
# How long a client may do nothing once the replica has ended, and a replica may go on sending without a client.
LINGER_SECONDS = 1.0


class Side(asyncio.Protocol):
    """One end: hands what it reads to the other end, no faster than that takes it."""

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport, hangups: HangupWatch) -> None:
        self.transport = transport
        self.other: Side = self
        self.ended = False  # it sends nothing any more
        self.lost = False
        self.received = 0
        self._paused = False  # not read from
        self._hung_up = False  # no more can come than has come
        self._hangups = hangups
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self._tunnel.moved = True
        self.received += len(data)
        if not self.other.write(data):
            self._tunnel.unheard(time.monotonic())

    def eof_received(self) -> bool:
        self.end()
        return self.transport.can_write_eof()  # over TLS it ends as a whole

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self.lost = True
        self._tunnel.lost(self, exc)
        self.other.resume()
        self.end()

    def pause_writing(self) -> None:
        self.other.pause()

    def resume_writing(self) -> None:
        self.other.resume()

    def pause(self) -> None:
        """Read no more than the other end takes; what is left after a hang-up is read all the same."""
        if not (self.lost or self._paused or self._hung_up):
            self._paused = True
            self.transport.pause_reading()
            self._hangups.watch(self.transport, self._hang_up)

    def resume(self) -> None:
        if self._paused and not self.lost:
            self._unwatch()
            self.transport.resume_reading()

    def write(self, data: bytes) -> bool:
        """False if nobody is there."""
        if not self.lost and data:
            self.transport.write(data)
        return not self.lost

    def end(self) -> None:
        """It sends nothing any more: tell the other."""
        if self.ended:
            return
        self.ended = True
        other = self.other
        if not other.lost and not other.transport.is_closing():
            half_close(other.transport)
        self._tunnel.ended(self, time.monotonic())

    def cut(self) -> None:
        if not self.lost:
            reset(self.transport)

    def _hang_up(self) -> None:
        """It ended while it was not read from.

        Its last bytes may matter to the other end, and are no more than its socket holds: they wait here instead, and
        its end is known at once.
        """
        self._hung_up = True
        self.resume()

    def _unwatch(self) -> None:
        if self._paused:
            self._paused = False
            self._hangups.forget(self.transport)


class Tunnel:
    """Holds its call's slot until the replica's side has ended; has no other time limit than idle_seconds.

    When the proxy or the replica drains it may go on for response_grace_period, as any request.
    """

    def __init__(self, call: Call, exchange: Exchange, replica: asyncio.Transport) -> None:
        client, early, hangups = exchange.switch()
        now = time.monotonic()
        self.moved = False
        self._unsent = 0
        self._call = call
        self._exchange = exchange
        self._client, self._replica = Side(self, client, hangups), Side(self, replica, hangups)
        self._idle_since = now
        self._ends_at = NEVER
        self._client_gone_at = NEVER
        self.deadline = now + TICK_SECONDS
        self._client.other, self._replica.other = self._replica, self._client
        for side in (self._client, self._replica):
            side.transport.set_protocol(side)
        exchange.service.deadlines.watch(self)
        answered = call.reply.tunnelled or b""
        self._client.received, self._replica.received = len(early), len(answered)
        self._replica.write(early)
        self._client.write(answered)

    # What the sides say

    def ended(self, side: Side, now: float) -> None:
        if side is self._replica:
            self._call.tunnel_ended(now)
            self._exchange.upload.received += self._client.received
            self._exchange.sent_bytes += self._replica.received
            self._exchange.tunnel_ended(now)
        if side.other.ended:
            for each in (self._client, self._replica):
                if not each.lost:
                    each.transport.close()

    def lost(self, side: Side, error: Exception | None) -> None:
        if side is self._client:
            self._client_gone_at = time.monotonic()
            self._end_within_grace(self._client_gone_at)
            self._exchange.client_lost(error)
        elif error is not None:
            self._client.cut()  # a broken stream must not look complete
        if side.other.lost:
            self._exchange.service.deadlines.forget(self)

    def unheard(self, now: float) -> None:
        """Bytes came for a side that is gone."""
        if now - self._client_gone_at >= LINGER_SECONDS:
            self._replica.cut()

    # Time

    def expire(self, now: float) -> None:
        self.deadline = now + TICK_SECONDS
        if self._has_moved():
            self._idle_since = now
        if self._exchange.draining(self._call.replica):
            self._end_within_grace(now)
        elif not self._client.lost:
            self._ends_at = NEVER  # a drain may be called off
        idle_seconds = self._exchange.service.idle_seconds
        patience = LINGER_SECONDS if self._replica.ended else idle_seconds
        if now >= min(self._ends_at, self._idle_since + patience):
            self._client.cut()
            self._replica.cut()

    def _has_moved(self) -> bool:
        """Bytes came since last asked, or a slow client took some of what waits for it."""
        unsent = 0 if self._client.lost else _unsent(self._client.transport)
        moved = self.moved or unsent != self._unsent
        self.moved, self._unsent = False, unsent
        return moved

    def _end_within_grace(self, now: float) -> None:
        grace = self._exchange.service.grace_seconds
        self._ends_at = min(self._ends_at, now + grace)


def _unsent(transport: asyncio.Transport) -> int:
    """What changes as the other side takes what waits for it."""
    return transport.get_write_buffer_size() if transport.can_write_eof() else acknowledged(transport)

"""One try at one replica: holds the slot until the replica has ended its answer, or is gone."""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from proxy.core.replica import Replica, Reservation
from proxy.errors import AnswerError, GatewayTimeout, ReplicaFailed, RequestTimeout
from proxy.net.reply import Reply
from proxy.net.tunnel import Tunnel
from proxy.wire.forward import request_head

if TYPE_CHECKING:
    from proxy.core.allowance import Allowance
    from proxy.net.exchange import Exchange
    from proxy.net.link import Link

BODY_IDLE_SECONDS: Final = 30.0
# A replica's reset may come a round trip after its end, or later, when a packet was lost and is sent again.
PROOF_SECONDS: Final = 1.0
# A replica that goes on streaming for so long after its client left has not noticed: it is reset.
NOTICE_SECONDS: Final = 1.0


class Stage(Enum):
    CONNECTING = auto()  # nothing reached the replica
    ANSWERING = auto()  # it has the request, or is getting it; or a tunnel goes through it
    DOUBTFUL = auto()  # it closed a kept connection: whether before it took the request is about to show
    ABANDONED = auto()  # it was told that nobody waits; its slot is held until it has ended
    ENDED = auto()


# Bound to final names: looking a member up on its Enum costs 0.1 µs on Python 3.11, and a request does it often.
CONNECTING: Final = Stage.CONNECTING
ANSWERING: Final = Stage.ANSWERING
DOUBTFUL: Final = Stage.DOUBTFUL
ABANDONED: Final = Stage.ABANDONED
ENDED: Final = Stage.ENDED


class Call:
    """`exchange` is None once the client is gone or answered; `limit_at` ends everything (response_grace_period)."""

    __slots__ = (
        "_allowance",
        "_left_at",
        "_sent_bytes",
        "_service",
        "_upload",
        "exchange",
        "limit_at",
        "link",
        "reply",
        "reservation",
        "stage",
    )

    def __init__(self, exchange: Exchange, reservation: Reservation, limit_at: float) -> None:
        self.exchange: Exchange | None = exchange
        self.reservation = reservation
        self.limit_at = limit_at
        self.link: Link | None = None
        self.reply = Reply(exchange, reservation.replica)
        self.stage = CONNECTING
        self._service = exchange.service
        self._upload = exchange.upload
        self._allowance: Allowance | None = None  # of a client that is gone
        self._left_at = 0.0  # the client; or the replica, when DOUBTFUL
        self._sent_bytes = 0  # of a request that went over a kept connection in one piece, so that it can go again

    @property
    def replica(self) -> Replica:
        return self.reservation.replica

    # Connecting

    def start(self, now: float) -> None:
        link = self._service.connections.take(self.replica)
        if link is not None:
            self.connected(link, now)
        else:
            self._service.connections.open(self.replica, self)

    def connected(self, link: Link, now: float) -> None:
        exchange = self.exchange
        if self.stage is not CONNECTING or exchange is None:
            self._service.connections.put(link, now)  # the client left in the meantime
            return
        if link.closing:
            self.connect_failed(ConnectionResetError("the replica closed the connection at once"))
            return
        self.link = link
        self.stage = ANSWERING
        self._arm(link, now)
        upload, request = self._upload, exchange.request
        again = link.reused and upload.ended
        exchange.connected_at = now
        head = request_head(request, exchange.client_host, exchange.request_id, exchange.trace_fields())
        data = upload.after(head, again)
        self._sent_bytes = len(data) if again else 0
        link.send_request(self, self.reply, request, data)
        exchange.consumed()

    def connect_failed(self, error: OSError) -> None:
        exchange, now = self.exchange, time.monotonic()
        if self.stage is not CONNECTING or exchange is None:
            return
        if now < self.limit_at:
            self.stage = ENDED
            exchange.call_refused(self.reservation, error)
        else:
            self._end(now)
            exchange.call_failed(GatewayTimeout("no replica took the request in time"), now)

    # The two directions

    def send_body(self, data: bytes) -> None:
        """Only with a link."""
        if self.link is not None and self.stage is ANSWERING:
            self.link.send(self._upload.framed(data))

    def send_end(self, now: float) -> None:
        if self.link is not None and self.stage is ANSWERING:
            if self._upload.last:
                self.link.send(self._upload.last)
            self._arm(self.link, now)

    def on_read(self) -> None:
        """One write to the client for one read from the replica."""
        reply, exchange = self.reply, self.exchange
        first = not reply.started
        data = reply.taken()
        if exchange is not None and data:
            exchange.send(data)
        if reply.complete:
            self._complete()
        elif self.stage is ABANDONED:
            self._check_noticed(first)
        elif first and reply.started:
            self._answering(exchange)

    def _answering(self, exchange: Exchange | None) -> None:
        """The head of the answer has come."""
        link = self.link
        if link is None:
            return
        if self.reply.tunnelled is None:
            self._arm(link, time.monotonic())
        elif exchange is not None:
            self.link = None
            Tunnel(self, exchange, link.release())

    def client_writable(self, writable: bool) -> None:
        if self.link is not None:
            if writable:
                self.link.resume()
            else:
                self.link.pause()

    def link_writable(self, writable: bool) -> None:
        self._upload.blocked = not writable
        if self.link is not None and self.stage is ANSWERING:
            self._arm(self.link, time.monotonic())
        if self.exchange is not None:
            self.exchange.pace()

    # Ends

    def _complete(self) -> None:
        now = time.monotonic()
        link, self.link = self.link, None
        if link is not None:
            if link.reusable and self._upload.ended and self.stage is ANSWERING:
                self._service.connections.put(link, now)
            else:
                link.close()
        exchange = self._end(now)
        if exchange is not None:
            exchange.answered(self.reply.status, self.reply.keep_alive, now)

    def tunnel_ended(self, now: float) -> None:
        self._end(now)

    def leave(self, now: float) -> None:
        """Nobody waits for the answer any more: half-close, so that a server that notices can stop."""
        if self.link is None or self.stage is DOUBTFUL or now >= self.limit_at:
            self.reset(now)
        elif self.stage is ANSWERING:
            self.stage = ABANDONED
            self._left_at = now
            self.link.deadline = self.limit_at
            self.link.half_close()

    def detach(self, allowance: Allowance | None) -> None:
        """The client is gone, or answered by us; `allowance` gets this request back when the slot is given back."""
        self.exchange = None
        if self.stage is not ENDED:
            self._allowance = allowance
        elif allowance is not None:
            allowance.leave()
        if self.link is not None:
            self.link.resume()  # to see the end of the answer

    def reset(self, now: float) -> None:
        """End it from our side, at once."""
        link, self.link = self.link, None
        if link is not None:
            link.reset()
        if self.stage is not ENDED:
            self._end(now)

    def link_failed(self, error: ReplicaFailed) -> None:
        """The connection is gone, or what came over it makes no sense."""
        link, self.link = self.link, None
        if link is not None and self._may_go_again(link):
            self.stage = CONNECTING
            if self.exchange is not None:
                self.exchange.retries += 1
            self._upload.blocked = False
            self._service.connections.open(self.replica, self)
            return
        now = time.monotonic()
        exchange = self._end(now)
        if exchange is not None:
            stopped = GatewayTimeout("the replica was stopped before it had finished")
            exchange.call_failed(stopped if self.replica.killed else error, now)

    def link_ended(self, error: ReplicaFailed) -> bool:
        link = self.link
        if link is None or self._may_go_again(link) or not self._doubtful(link):
            self.link_failed(error)
            return False
        self.stage = DOUBTFUL
        self._left_at = link.deadline = time.monotonic()
        return True

    @property
    def _unanswered(self) -> bool:
        """A whole request went over a kept connection, and not a byte came back."""
        return bool(self._sent_bytes) and not self.reply.any and self.stage in {ANSWERING, DOUBTFUL}

    def _doubtful(self, link: Link) -> bool:
        """It may show yet that the replica had closed before the request came."""
        return self._unanswered and link.unacknowledged(self._sent_bytes)

    def _may_go_again(self, link: Link) -> bool:
        """The replica may have closed a kept connection before the request came."""
        exchange = self.exchange
        if exchange is None or not self._unanswered:
            return False
        return exchange.request.idempotent or link.untaken(self._sent_bytes)

    def _resolve(self, link: Link, now: float) -> None:
        """A reset proves that the request was not taken, an acknowledgement that it may have been."""
        size = self._sent_bytes
        if now - self._left_at >= PROOF_SECONDS or link.untaken(size) or not link.unacknowledged(size):
            self.link_failed(ReplicaFailed("the replica closed a kept connection, and may have taken the request"))
            link.close()

    def expire(self, now: float) -> None:
        if self.link is not None and self.stage is DOUBTFUL:
            self._resolve(self.link, now)
            return
        if self.link is not None and self._moved() and now < self.limit_at:
            self._arm(self.link, now)
            return
        exchange = self.exchange
        error: AnswerError = GatewayTimeout("the replica did not answer in time")
        if self.stage is ABANDONED:
            self.reset(now)
        elif not self._upload.ended and not self._upload.blocked and now < self.limit_at:
            error = RequestTimeout("the request body did not arrive in time")
            self.reset(now)
        else:
            self.leave(now)
        if exchange is not None:
            exchange.call_failed(error, now)

    def _check_noticed(self, first: bool) -> None:
        now = time.monotonic()
        if first:
            self._left_at = now  # it has begun to stream only now
        elif now - self._left_at >= NOTICE_SECONDS:
            exchange = self.exchange
            self.reset(now)
            if exchange is not None:
                exchange.call_failed(ReplicaFailed("the client had ended its sending side"), now)

    def _end(self, now: float) -> Exchange | None:
        """Give the slot back; returns who still waits for an answer."""
        self.stage = ENDED
        exchange, self.exchange = self.exchange, None
        if self._allowance is not None:
            self._allowance.leave()
            self._allowance = None
        self._service.pool.release(self.reservation, now)
        return exchange

    # Time

    def _arm(self, link: Link, now: float) -> None:
        if self.reply.started:
            seconds = self._service.idle_seconds
        elif self._upload.ended or self._upload.blocked:
            seconds = self._service.first_byte_seconds
        else:
            seconds = BODY_IDLE_SECONDS
        self._upload.moved = self.reply.moved = False
        deadline = now + seconds
        link.deadline = deadline if deadline < self.limit_at else self.limit_at

    def _moved(self) -> bool:
        """Bytes went either way since the deadline was set; an abandoned call gets no more time for that."""
        return self.stage is ANSWERING and (self._upload.moved or self.reply.moved)

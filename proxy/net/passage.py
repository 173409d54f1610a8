"""What happened to one request, told once, when it is over, to those who listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from proxy.core.replica import Replica
from proxy.wire.request import Request

if TYPE_CHECKING:
    from proxy.net.exchange import Exchange

# More of a target is not told: thousands of passages may wait to be written.
TOLD_TARGET_BYTES: Final = 1_024


class Trace:
    """What a request's tracer keeps with it: `fields` are the lines for its replica, `span` is the tracer's own."""

    __slots__ = ("fields", "span", "trace_id")

    def __init__(self, fields: bytes, trace_id: str, span: object) -> None:
        self.fields = fields
        self.trace_id = trace_id
        self.span = span


class Passage:
    """One request's way, from its turn on its connection to the last byte of its answer.

    Times are seconds of time.monotonic; what did not happen is 0. `app` and `replica` are empty where none had it.
    `cold_seconds` of its wait were a replica's start, None if it waited for none. `retries` are tries that reached no
    replica, beside the last.
    """

    __slots__ = (
        "app",
        "client",
        "cold_seconds",
        "connected_at",
        "ended_at",
        "first_byte_at",
        "granted_at",
        "method",
        "received_bytes",
        "replica",
        "request_id",
        "retries",
        "sent_bytes",
        "started_at",
        "status",
        "target",
        "trace",
    )

    def __init__(self, request: Request, request_id: bytes, status: int, now: float) -> None:
        self.method = request.method
        target = request.target
        self.target = target if len(target) <= TOLD_TARGET_BYTES else target[:TOLD_TARGET_BYTES]
        self.request_id = request_id
        self.status = status
        self.app = ""
        self.replica = ""
        self.client = b""
        self.started_at = self.ended_at = now
        self.granted_at = self.connected_at = self.first_byte_at = 0.0
        self.cold_seconds: float | None = None
        self.received_bytes = self.sent_bytes = 0
        self.retries = 0
        self.trace: Trace | None = None

    @property
    def path(self) -> bytes:
        """Without the query, which may hold secrets."""
        return self.target.partition(b"?")[0]

    @property
    def queue_seconds(self) -> float:
        """The wait for a slot; without one, all of it was waiting."""
        return (self.granted_at or self.ended_at) - self.started_at

    @property
    def first_byte_seconds(self) -> float | None:
        """From its turn until an answer began; None if nothing was said."""
        return self.first_byte_at - self.started_at if self.first_byte_at else None

    @property
    def seconds(self) -> float:
        return self.ended_at - self.started_at


class Observer(Protocol):
    """Who is told of every request that is over; in the request path's own time, so that it has to be quick."""

    def over(self, passage: Passage, request: Request) -> None: ...


class Tracer(Protocol):
    """Who decides which trace a request belongs to, before a replica gets it."""

    def begin(self, request: Request) -> Trace: ...


class Audience:
    """Who is told of requests that are over, and who traces them."""

    __slots__ = ("observers", "tracer")

    def __init__(self, observers: tuple[Observer, ...] = (), tracer: Tracer | None = None) -> None:
        self.observers = observers
        self.tracer = tracer

    def tell(self, passage: Passage, request: Request) -> None:
        for observer in self.observers:
            observer.over(passage, request)


NOBODY: Final = Audience()


def refusal(request: Request, request_id: bytes, status: int, client: bytes, answer: bytes, now: float) -> Passage:
    """Of a request that was answered before its head was read to its end; `request` is what is known of it."""
    passage = Passage(request, request_id, status, now)
    passage.client = client
    passage.first_byte_at = now
    passage.sent_bytes = len(answer)
    return passage


def passage_of(exchange: Exchange, replica: Replica | None, status: int, now: float) -> Passage:
    """What an exchange that ends now has seen; `replica` is the one that had the request last."""
    passage = Passage(exchange.request, exchange.request_id, status, now)
    started = exchange.started_at
    if started:  # otherwise its turn had not come
        passage.started_at = started
    passage.client = exchange.client_host
    passage.granted_at = exchange.granted_at
    passage.connected_at = exchange.connected_at
    passage.first_byte_at = exchange.first_byte_at
    passage.received_bytes = exchange.upload.received
    passage.sent_bytes = exchange.sent_bytes
    passage.retries = exchange.retries
    passage.trace = exchange.trace
    if exchange.routed:
        passage.app = exchange.service.name
    if replica is not None:
        passage.replica = replica.id
        passage.cold_seconds = replica.cold_seconds(since=started)
    return passage

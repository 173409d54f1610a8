"""One request's way: route, authorise, slot, call, answer; and what every mishap on it leads to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from proxy.core.replica import Event, Replica, Reservation
from proxy.core.shortage import SHORTAGES
from proxy.errors import AnswerError, BodyTooLarge, Draining, GatewayTimeout, NoReplica, RequestTimeout
from proxy.net.call import BODY_IDLE_SECONDS, Call
from proxy.net.deadlines import NEVER
from proxy.net.passage import Trace, passage_of
from proxy.net.phase import Phase
from proxy.net.upload import Upload
from proxy.wire.answer import CONTINUE, error_answer, options_answer
from proxy.wire.forward import answer_fields
from proxy.wire.request import Request

if TYPE_CHECKING:
    import asyncio

    from proxy.core.allowance import Allowance
    from proxy.net.client import ClientConnection
    from proxy.net.hangup import HangupWatch
    from proxy.net.service import Route, Service

# To route by the model field the body is read whole, up to this size.
MODEL_BODY_BYTES: Final = 16 << 20
# nginx's status for a client that left before its answer; it is counted, never sent.
CLIENT_LEFT: Final = 499
# Bound to final names, and here: looking a member up on its Enum, or in another module, costs 0.1 µs each time.
NEW: Final = Phase.NEW
ROUTING: Final = Phase.ROUTING
QUEUED: Final = Phase.QUEUED
CALLING: Final = Phase.CALLING
DONE: Final = Phase.DONE


class Exchange:
    """The client's side of a request; the replica's side is its `call`, which may outlive it.

    Times are seconds of time.monotonic.
    """

    __slots__ = (
        "_allowance",
        "_call",
        "_client",
        "_limit_at",
        "_site",
        "connected_at",
        "deadline",
        "first_byte_at",
        "granted_at",
        "left",
        "phase",
        "request",
        "request_id",
        "retries",
        "routed",
        "sent_bytes",
        "service",
        "started_at",
        "trace",
        "upload",
    )

    service: Service  # set once the request is routed: before it waits, has a slot or a call

    def __init__(self, client: ClientConnection, request: Request) -> None:
        self._client = client
        self._site = client.site
        self.request = request
        self.request_id = request.request_id or self._site.next_request_id()
        self.upload: Upload = Upload(request)
        self.phase = NEW
        self.deadline = NEVER
        self.left = False  # the client has ended its sending side
        self._call: Call | None = None
        self._allowance: Allowance | None = None  # of the key that it came with
        self.started_at = self.granted_at = self.connected_at = self.first_byte_at = 0.0
        self.sent_bytes = self.retries = 0
        self.trace: Trace | None = None
        self._limit_at = NEVER
        self.routed = False

    @property
    def congested(self) -> bool:
        """The client sends faster than the replica takes it."""
        return self.upload.congested and self.phase is not ROUTING

    @property
    def may_keep_alive(self) -> bool:
        """Whether the client's connection can go on; one that is still sending is told that it ends."""
        return self.upload.ended and self.request.keep_alive and not self.left and not self._site.draining

    @property
    def client_host(self) -> bytes:
        return self._client.host

    # The way in

    def begin(self, now: float) -> None:
        """Its turn on the client's connection has come."""
        self.started_at = now
        try:
            route = self._client.route(self.request)  # first: what the site answers itself it answers to the end
            if self._site.draining:
                raise Draining("the proxy is shutting down")
            if route is not None:
                self._enter(route, now)
            elif self.upload.ended:
                self._enter_by_model(now)
            else:
                self._await_model(now)
        except AnswerError as error:
            self._answer(error, now)

    def _await_model(self, now: float) -> None:
        self.upload.limit(MODEL_BODY_BYTES, self.request.length)
        if self.request.expects_continue:
            self.request.expects_continue = False
            self._client.send(CONTINUE)
        self._stay(ROUTING, now + BODY_IDLE_SECONDS)

    def _enter_by_model(self, now: float) -> None:
        self._enter(self._site.route_by_model(self.request, self.upload.kept()), now)

    def _enter(self, route: Route, now: float) -> None:
        service, target = route
        self.service = service
        self.request.send_to(target, service.keeps_authorization)
        self.routed = True
        if service.needs_key:
            self._allowance = self._site.admit(self.request, service, now)
        if self.request.final:
            self._finish(options_answer(self.request_id, self.may_keep_alive), 204, self.may_keep_alive, now)
            return
        if service.max_body_bytes:
            self.upload.limit(service.max_body_bytes, self.request.length)
        reservation = service.pool.reserve(now)
        if reservation is not None:
            self.granted(reservation, now)
            return
        service.pool.wait(self, now)
        self._stay(QUEUED, now + service.terms.queue_seconds)

    def _stay(self, phase: Phase, deadline: float) -> None:
        self.phase = phase
        self.deadline = deadline
        self._site.deadlines.watch(self)

    def _move_on(self, phase: Phase) -> None:
        if self.deadline != NEVER:
            self.deadline = NEVER
            self._site.deadlines.forget(self)
        self.phase = phase

    def granted(self, reservation: Reservation, now: float) -> None:
        """A slot: call its replica."""
        self._move_on(CALLING)
        if not self.granted_at:
            self.granted_at = now
            self._limit_at = now + self.service.grace_seconds
            self.service.metrics.waited(now - self.started_at)
        self._call = Call(self, reservation, self._limit_at)
        self._call.start(now)

    def refused(self, error: AnswerError) -> None:
        """Waiting leads nowhere; already out of the line."""
        self._move_on(CALLING)
        self._answer(error, time.monotonic())

    def call_refused(self, reservation: Reservation, error: OSError) -> None:
        """Nothing reached the replica: the request goes to another one, or first into the line."""
        now, pool = time.monotonic(), self.service.pool
        self._call = None
        self.retries += 1
        if error.errno in SHORTAGES:  # it says nothing about the replica
            pool.release(reservation, now)
            self._answer(NoReplica(f"the proxy cannot open a connection to a replica: {error.strerror}"), now)
            return
        pool.apply(reservation.replica, Event.REFUSED, now)
        try:
            other = pool.retry(self, reservation, now)
        except AnswerError as refusal:
            self._answer(refusal, now)
            return
        if other is not None:
            self.granted(other, now)
        else:
            self._stay(QUEUED, min(self._limit_at, now + self.service.terms.queue_seconds))

    # The request's body

    def on_request_body(self, data: bytes) -> None:
        try:
            self.upload.receive(len(data))
        except BodyTooLarge as error:
            self.fault(error)
            return
        if self.phase is DONE:
            return
        if self._call is not None and self._call.link is not None:
            self._call.send_body(data)
        else:
            self.upload.keep(data)

    def on_request_end(self) -> None:
        if self.upload.ended:
            return
        self.upload.ended = True
        now = time.monotonic()
        if self._call is not None:
            self._call.send_end(now)
        elif self.phase is ROUTING:
            self._move_on(NEW)
            try:
                self._enter_by_model(now)
            except AnswerError as error:
                self._answer(error, now)

    # What the call says

    def send(self, data: bytes) -> None:
        self.sent_bytes += len(data)
        self._client.send(data)

    def pace(self) -> None:
        self._client.pace()

    def consumed(self) -> None:
        """There may be room for more of the request."""
        if self._client.paused:
            self._client.pace()

    def answered(self, status: int, keep_alive: bool, now: float) -> None:
        """The replica's answer is complete."""
        self._end(status, now)
        self._client.finished(keep_alive)

    def call_failed(self, error: AnswerError, now: float) -> None:
        """No (more) answer comes from the replica: answer with the error, or cut what has begun."""
        call = self._call
        if call is not None and (call.reply.started or self.left):
            self._end(CLIENT_LEFT if self.left else call.reply.status, now)
            self._client.cut(reset=call.reply.ends_with_connection)
        else:
            self._answer(error, now)

    def switch(self) -> tuple[asyncio.Transport, bytes, HangupWatch]:
        """The client's connection leaves HTTP, with what the client sent ahead."""
        return self._client.switch()

    def tunnel_ended(self, now: float) -> None:
        self._end(101, now)

    def client_lost(self, error: Exception | None) -> None:
        """The tunnel lost the client's connection."""
        self._client.connection_lost(error)

    def trace_fields(self) -> bytes:
        """The lines that tell the replica which trace the request belongs to; none where nobody traces."""
        tracer = self._client.audience.tracer
        if tracer is not None and self.trace is None:
            self.trace = tracer.begin(self.request)
        return b"" if self.trace is None else self.trace.fields

    def draining(self, replica: Replica) -> bool:
        return self._site.draining or not replica.wanted

    def added_fields(self, replica: Replica, now: float) -> bytes:
        """The lines that every answer of a replica gets from us."""
        self.first_byte_at = now
        started, granted = self.started_at, self.granted_at
        cold = replica.cold_seconds(started)
        return answer_fields(self.request_id, replica.id_bytes, granted - started, now - granted, cold)

    # What the client does

    def client_writable(self, writable: bool) -> None:
        if self._call is not None:
            self._call.client_writable(writable)

    def client_left(self, now: float, lost: bool) -> bool:
        """The client closed (`lost`) or ended its sending side; true if it may still be answered."""
        if self.phase is DONE:
            return False
        self.left = True
        call = self._call
        if call is not None:
            call.leave(now)
            if call.link is not None and not lost:
                return True
        self._end(CLIENT_LEFT, now)
        return False

    def fault(self, error: AnswerError) -> None:
        """The client's own bytes are to blame: the replica must not take what it has for the whole request."""
        if self.upload.ended or self.phase is DONE:
            return
        now = time.monotonic()
        if self._call is not None:
            self._call.reset(now)
        self.call_failed(error, now)

    def expire(self, now: float) -> None:
        if self.phase is ROUTING and self.upload.moved:
            self.upload.moved = False
            self.deadline = now + BODY_IDLE_SECONDS
        elif self.phase is QUEUED:
            message = f"no slot became free within {now - self.started_at:.0f} s"
            self._answer(GatewayTimeout(message, self.service.pool.retry_after_seconds()), now)
        else:
            self._answer(RequestTimeout("the request body did not arrive in time"), now)

    # Ends

    def _answer(self, error: AnswerError, now: float) -> None:
        """Answer in the replica's stead."""
        # Whatever follows bytes that made no sense, or a failed upgrade, may not be the request that it looks like.
        keep_alive = self.may_keep_alive and error.status != 400 and not self.request.upgrade
        head_only = self.request.method == b"HEAD"
        self._finish(error_answer(error, self.request_id, keep_alive, head_only), error.status, keep_alive, now)

    def _finish(self, answer: bytes, status: int, keep_alive: bool, now: float) -> None:
        self.first_byte_at = now
        self.send(answer)
        self._end(status, now)
        self._client.finished(keep_alive)

    def _end(self, status: int, now: float) -> None:
        """The client's side is over; a call that still holds its slot goes on alone."""
        if self.phase is QUEUED:
            self.service.pool.leave(self, now)
        self._move_on(DONE)
        call, self._call = self._call, None
        if call is not None:
            call.detach(self._allowance)  # what the replica still does counts for its key
        elif self._allowance is not None:
            self._allowance.leave()
        self._allowance = None
        if self.routed:
            self.service.metrics.finished(status, now - self.started_at)
        audience = self._client.audience
        if audience.observers:
            audience.tell(passage_of(self, None if call is None else call.replica, status, now), self.request)

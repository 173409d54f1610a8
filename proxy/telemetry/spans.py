"""Spans as OpenTelemetry's semantic conventions want them, from passages and cold starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

from proxy.core.replica import Replica
from proxy.net.passage import TOLD_TARGET_BYTES, Passage
from proxy.wire.request import Request

Attributes = Mapping[str, AttributeValue]

SCOPE = InstrumentationScope("tidegate")
_BROKEN, _FINE = Status(StatusCode.ERROR), Status()
# The methods that http.request.method may name; others are _OTHER.
_METHODS = frozenset(
    (b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"QUERY", b"TRACE")
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns times of time.monotonic into nanoseconds of the calendar."""

    offset_ns: int

    @classmethod
    def now(cls) -> Clock:
        return cls(time.time_ns() - time.monotonic_ns())

    def ns(self, moment: float) -> int:
        return self.offset_ns + int(moment * 1e9)


def request_attributes(request: Request) -> dict[str, AttributeValue]:
    """What a sampler may decide by; the query is left out, which may hold secrets."""
    path = request.target[:TOLD_TARGET_BYTES].partition(b"?")[0].decode("latin-1")
    attributes: dict[str, AttributeValue] = {
        "http.request.method": request.method.decode() if request.method in _METHODS else "_OTHER",
        "url.path": path,
        "url.scheme": request.scheme.decode(),
        "network.protocol.version": "1.0" if request.http10 else "1.1",
    }
    if request.host:
        name, _, port = request.host.decode("latin-1").rpartition(":")
        if name and port.isdecimal():
            attributes |= {"server.address": name.strip("[]"), "server.port": int(port)}
        else:
            attributes["server.address"] = request.host.decode("latin-1").strip("[]")
    return attributes


class SpanForm:
    """Makes spans of one resource, which is this process."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def request(
        self,
        passage: Passage,
        name: str,
        contexts: tuple[SpanContext, SpanContext | None],
        attributes: Attributes,
        links: Sequence[Link],
    ) -> ReadableSpan:
        """`contexts`: the span's own, and its parent's."""
        clock, (own, parent) = Clock.now(), contexts
        return ReadableSpan(
            name,
            own,
            parent,
            self._resource,
            {**attributes, **_outcome(passage)},
            tuple(_events(passage, clock)),
            links,
            SpanKind.SERVER,
            status=_BROKEN if passage.status >= 500 else _FINE,
            start_time=clock.ns(passage.started_at),
            end_time=clock.ns(passage.ended_at),
            instrumentation_scope=SCOPE,
        )

    def start(
        self, clock: Clock, app: str, replica: Replica, phases: Mapping[str, float], context: Callable[[], SpanContext]
    ) -> list[ReadableSpan]:
        """A cold start and its phases, one after the other; the first span is the whole."""
        attributes: Attributes = {"tidegate.app": app, "tidegate.replica": replica.id}
        began, whole = replica.started_at, context()
        spans = []
        for phase, seconds in phases.items():
            spans.append(self._inner(phase, context(), whole, (clock.ns(began), clock.ns(began + seconds)), attributes))
            began += seconds
        return [
            self._inner("cold start", whole, None, (clock.ns(replica.started_at), clock.ns(began)), attributes),
            *spans,
        ]

    def _inner(
        self,
        name: str,
        own: SpanContext,
        parent: SpanContext | None,
        times: tuple[int, int],
        attributes: Attributes,
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            own,
            parent,
            self._resource,
            attributes,
            start_time=times[0],
            end_time=times[1],
            instrumentation_scope=SCOPE,
        )


def _outcome(passage: Passage) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.response.status_code": passage.status,
        "client.address": passage.client.decode(),
        "tidegate.app": passage.app,
        "tidegate.replica": passage.replica,
        "tidegate.request_id": passage.request_id.decode(),
        "tidegate.queue_ms": round(passage.queue_seconds * 1000, 3),
        "tidegate.cold": passage.cold_seconds is not None,
        "tidegate.retries": passage.retries,
        "http.request.body.size": passage.received_bytes,
        "tidegate.sent_bytes": passage.sent_bytes,
    }
    if passage.status >= 500:
        attributes["error.type"] = str(passage.status)
    return attributes


def _events(passage: Passage, clock: Clock) -> Iterator[Event]:
    """What happened on the way, in order."""
    if passage.granted_at != passage.started_at:
        yield Event("queued", None, clock.ns(passage.started_at))
    if passage.granted_at:
        yield Event("slot", None, clock.ns(passage.granted_at))
    if passage.connected_at:
        yield Event("connect", None, clock.ns(passage.connected_at))
    if passage.first_byte_at:
        yield Event("first byte", None, clock.ns(passage.first_byte_at))
        yield Event("stream end", None, clock.ns(passage.ended_at))

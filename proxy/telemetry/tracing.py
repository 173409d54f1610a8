"""Traces: which one a request belongs to, and a span for each that is recorded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from proxy.core.replica import Replica
from proxy.net.passage import Passage, Trace
from proxy.telemetry.spans import Attributes, Clock, SpanForm, request_attributes
from proxy.wire.fields import Field
from proxy.wire.request import Request

# Starts that requests may still refer to.
_STARTS_KEPT = 1_000


class Open:
    """A request's span that has begun: its own context, its parent's, and whether it is recorded at all."""

    __slots__ = ("attributes", "context", "parent", "recorded")

    def __init__(
        self,
        context: SpanContext,
        parent: SpanContext | None,
        recorded: bool,
        attributes: Attributes,
    ) -> None:
        self.context = context
        self.parent = parent
        self.recorded = recorded
        self.attributes = attributes


class Tracing:
    """A Tracer and an Observer of the request path.

    Spans are made when they are over, from what the request path remembers anyway: starting them by the SDK's tracer
    would cost several times as much. Sampling, ids and the way out are the SDK's.
    """

    def __init__(self, sampler: Sampler, ids: IdGenerator, form: SpanForm, processor: SpanProcessor) -> None:
        self._sampler = sampler
        self._ids = ids
        self._form = form
        self._processor = processor
        self._propagator = TraceContextTextMapPropagator()
        self._starts: OrderedDict[str, SpanContext] = OrderedDict()  # of replicas, by id

    def begin(self, request: Request) -> Trace:
        """The client's trace goes on, if it sent a sound one; its replica gets our span as the parent."""
        carrier = _carrier(request.take_trace_context())
        around = self._propagator.extract(carrier) if carrier else None
        parent = get_current_span(around).get_span_context() if around is not None else INVALID_SPAN_CONTEXT
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        attributes = request_attributes(request)
        sampled = self._sampler.should_sample(
            around, trace_id, _name(request), SpanKind.SERVER, attributes, trace_state=parent.trace_state
        )
        recorded = sampled.decision is Decision.RECORD_AND_SAMPLE
        context = SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED if recorded else TraceFlags.DEFAULT),
            trace_state=sampled.trace_state if sampled.trace_state is not None else parent.trace_state,
        )
        span = Open(context, parent if parent.is_valid else None, recorded, sampled.attributes or attributes)
        return Trace(_fields(context), f"{trace_id:032x}", span)

    def over(self, passage: Passage, request: Request) -> None:
        trace = passage.trace
        if trace is None:  # it has come to no replica
            trace = passage.trace = self.begin(request)
        span = trace.span
        if not isinstance(span, Open) or not span.recorded:
            return
        start = self._starts.get(passage.replica) if passage.cold_seconds is not None else None
        links = () if start is None else (Link(start),)
        self._processor.on_end(
            self._form.request(passage, _name(request), (span.context, span.parent), span.attributes, links)
        )

    def started(self, app: str, replica: Replica, phases: Mapping[str, float]) -> None:
        """A cold start is over now; seconds by phase."""
        trace_id = self._ids.generate_trace_id()
        sampled = self._sampler.should_sample(None, trace_id, "cold start", SpanKind.INTERNAL)
        if sampled.decision is not Decision.RECORD_AND_SAMPLE:
            return
        spans = self._form.start(Clock.now(), app, replica, phases, lambda: self._context(trace_id))
        for span in spans:
            self._processor.on_end(span)
        self._starts[replica.id] = _context_of(spans[0])
        if len(self._starts) > _STARTS_KEPT:
            self._starts.popitem(last=False)

    def _context(self, trace_id: int) -> SpanContext:
        return SpanContext(trace_id, self._ids.generate_span_id(), False, TraceFlags(TraceFlags.SAMPLED))


def _context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    return INVALID_SPAN_CONTEXT if context is None else context


def _name(request: Request) -> str:
    """By the semantic conventions: a path would make as many names as there are paths."""
    return request.method.decode() or "HTTP"


def _carrier(fields: list[Field]) -> dict[str, str]:
    """As the propagator reads them; one that is there twice means nothing, but for tracestate (section 3.3.1)."""
    parents = [value for name, value in fields if name == b"traceparent"]
    if len(parents) != 1:
        return {}
    states = [value for name, value in fields if name == b"tracestate"]
    carrier = {"traceparent": parents[0].decode("latin-1")}
    return carrier | {"tracestate": b",".join(states).decode("latin-1")} if states else carrier


def _fields(context: SpanContext) -> bytes:
    fields = f"traceparent: 00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}\r\n"
    if context.trace_state:
        fields += f"tracestate: {context.trace_state.to_header()}\r\n"
    return fields.encode("latin-1")

"""Which trace a request belongs to, and what its span says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Sampler
from opentelemetry.trace import StatusCode

from proxy.core.replica import Replica
from proxy.net.passage import Passage
from proxy.telemetry.spans import SpanForm
from proxy.telemetry.tracing import Tracing
from proxy.wire.request import Request

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = (b"Traceparent", f"00-{TRACE}-{CALLER}-01".encode())


class Remembering(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def processor() -> Remembering:
    return Remembering()


def tracing(processor: Remembering, sampler: Sampler = DEFAULT_ON) -> Tracing:
    return Tracing(sampler, RandomIdGenerator(), SpanForm(Resource.get_empty()), processor)


def request(*fields: tuple[bytes, bytes], host: bytes = b"example.org:8000") -> Request:
    made = Request(b"POST", b"/chat?key=secret")
    made.host = host
    made.fields = [(b"accept", b"*/*"), *fields]
    return made


def ended(asked: Request, status: int = 200) -> Passage:
    passage = Passage(asked, b"id-1", status, 12.0)
    passage.started_at, passage.granted_at, passage.connected_at, passage.first_byte_at = 10.0, 10.5, 10.6, 11.0
    passage.app, passage.replica, passage.client = "demo", "demo-1", b"9.9.9.9"
    return passage


def said(span: ReadableSpan) -> dict[str, Any]:  # attributes are of any type
    return dict(span.attributes or {})


def test_the_client_s_trace_goes_on_with_our_span_as_the_parent(processor: Remembering) -> None:
    asked = request(PARENT, (b"tracestate", b"a=1"), (b"tracestate", b"b=2"))
    trace = tracing(processor).begin(asked)
    found = re.fullmatch(rb"traceparent: 00-(.*)-(.*)-01\r\ntracestate: a=1,b=2\r\n", trace.fields)
    assert found is not None
    assert (found[1].decode(), trace.trace_id) == (TRACE, TRACE)
    assert found[2].decode() != CALLER
    assert asked.fields == [(b"accept", b"*/*")]


def test_a_repeated_head_goes_on_in_the_same_trace(processor: Remembering) -> None:
    asked, tracer = request(PARENT), tracing(processor)
    assert [tracer.begin(asked).trace_id for _ in range(2)] == [TRACE, TRACE]


@pytest.mark.parametrize("parents", [[], [(b"traceparent", b"00-x")], [PARENT, PARENT]])
def test_without_one_sound_parent_a_trace_begins(parents: list[tuple[bytes, bytes]], processor: Remembering) -> None:
    trace = tracing(processor).begin(request(*parents))
    assert trace.trace_id != TRACE
    assert re.fullmatch(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n", trace.fields)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_whatever_a_client_sends_makes_one_parent(parent: bytes, state: bytes) -> None:
    asked = request((b"traceparent", parent), (b"tracestate", state))
    fields = tracing(Remembering()).begin(asked).fields
    assert re.fullmatch(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\r\n(tracestate: [ -~]*\r\n)?", fields)


@given(st.binary(max_size=300))
def test_whatever_state_comes_with_a_trace_cannot_break_the_head(state: bytes) -> None:
    fields = tracing(Remembering()).begin(request(PARENT, (b"tracestate", state))).fields
    assert re.fullmatch(rb"traceparent: 00-.{32}-.{16}-01\r\n(tracestate: [ -~]*\r\n)?", fields)


def test_a_span_has_the_way_of_its_request(processor: Remembering) -> None:
    asked, tracer = request(PARENT), tracing(processor)
    passage = ended(asked)
    passage.trace = tracer.begin(asked)
    tracer.over(passage, asked)
    (span,) = processor.spans
    attributes = said(span)
    assert (span.name, attributes["url.path"], attributes["server.address"]) == ("POST", "/chat", "example.org")
    assert (attributes["server.port"], attributes["tidegate.queue_ms"]) == (8000, 500.0)
    assert [event.name for event in span.events] == ["queued", "slot", "connect", "first byte", "stream end"]
    assert span.start_time is not None
    assert span.end_time == pytest.approx(span.start_time + 2_000_000_000, abs=1000)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER
    assert "secret" not in str(attributes)


def test_a_request_that_came_to_no_replica_is_a_span_too(processor: Remembering) -> None:
    asked = request(PARENT)
    passage = ended(asked, 503)
    tracing(processor).over(passage, asked)
    (span,) = processor.spans
    assert passage.trace is not None
    assert passage.trace.trace_id == TRACE
    assert (span.status.status_code, said(span)["error.type"]) == (StatusCode.ERROR, "503")


def test_what_is_not_sampled_is_passed_on_but_makes_no_span(processor: Remembering) -> None:
    asked, tracer = request(PARENT), tracing(processor, ALWAYS_OFF)
    passage = ended(asked)
    passage.trace = tracer.begin(asked)
    tracer.over(passage, asked)
    assert passage.trace.fields.endswith(b"-00\r\n")
    assert processor.spans == []


def test_a_cold_start_is_a_trace_that_its_requests_refer_to(processor: Remembering) -> None:
    tracer, replica = tracing(processor), Replica(0, "demo-1", 1, started_at=5.0)
    tracer.started("demo", replica, {"create": 1.0, "start": 0.5, "load": 2.0, "ready": 0.5})
    whole, *phases = processor.spans
    assert [span.name for span in phases] == ["create", "start", "load", "ready"]
    assert (phases[0].start_time, phases[-1].end_time) == (whole.start_time, whole.end_time)
    asked = request()
    passage = ended(asked)
    passage.cold_seconds = 1.0
    tracer.over(passage, asked)
    assert processor.spans[-1].links[0].context == whole.context


@pytest.mark.parametrize(
    ("host", "address"), [(b"[::1]:80", "::1"), (b"[::1]", "::1"), (b"example.org", "example.org")]
)
def test_the_server_s_address_is_the_host_that_was_asked(host: bytes, address: str, processor: Remembering) -> None:
    asked = request(host=host)
    tracing(processor).over(ended(asked), asked)
    assert said(processor.spans[0])["server.address"] == address


def test_the_scheme_is_the_client_s(processor: Remembering) -> None:
    asked = request()
    asked.scheme = b"https"
    tracing(processor).over(ended(asked), asked)
    assert said(processor.spans[0])["url.scheme"] == "https"


def test_an_unknown_method_has_the_conventions_name(processor: Remembering) -> None:
    asked = Request(b"PURGE", b"/")
    tracing(processor).over(ended(asked), asked)
    assert said(processor.spans[0])["http.request.method"] == "_OTHER"

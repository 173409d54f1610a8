"""What is told of a request when it is over, and that it is told once."""

from __future__ import annotations

from proxy.net.passage import Audience, Passage, Trace
from proxy.wire.request import Request
from tests.net.fakes import Far, Near, Table


class Listening:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def over(self, passage: Passage, request: Request) -> None:
        self.passages.append(passage)

    @property
    def statuses(self) -> list[int]:
        return [passage.status for passage in self.passages]


class FakeTracer:
    def __init__(self) -> None:
        self.begun: list[Trace] = []

    def begin(self, request: Request) -> Trace:
        self.begun.append(Trace(b"traceparent: 00-x\r\n", "x", None))
        return self.begun[-1]


def listening(table: Table) -> Listening:
    made = Listening()
    table.site.audience = Audience((made,))
    return made


def test_an_answered_request_is_told_with_its_replica_and_times() -> None:
    table = Table('[tidegate.routing]\nprefix = "/demo"\n')
    told = listening(table)
    near, far = table.calling("/demo/x?a=1")
    far.answer(b"hello")
    (passage,) = told.passages
    assert (passage.status, passage.method, passage.path) == (200, b"GET", b"/demo/x")
    assert (passage.app, passage.replica, passage.client) == ("demo", "demo-0", b"9.9.9.9")
    assert passage.sent_bytes == len(near.sent)
    assert passage.request_id in near.sent
    moments = [passage.started_at, passage.granted_at, passage.connected_at, passage.first_byte_at, passage.ended_at]
    assert moments == sorted(moments)
    assert moments[0] > 0


def test_the_path_is_the_client_s_also_when_it_repeats_its_request() -> None:
    table = Table('[tidegate.routing]\nprefix = "/demo"\n')
    told = listening(table)
    near, far = table.calling("/demo/x")
    far.answer()
    near.get("/demo/x")
    far.answer()
    assert [passage.target for passage in told.passages] == [b"/demo/x", b"/demo/x"]
    assert far.targets == [b"/x", b"/x"]


def test_a_refused_request_is_told() -> None:
    table = Table("[tidegate.queue]\nmax_length = 0\n", limits=())
    told = listening(table)
    table.client().get()
    (passage,) = told.passages
    assert (passage.status, passage.app, passage.replica) == (429, "demo", "")


def test_a_request_that_no_app_serves_is_told() -> None:
    table = Table('[tidegate.routing]\nprefix = "/demo"\n')
    table.site._only = None
    told = listening(table)
    table.client().get("/other")
    assert [(passage.status, passage.app, passage.path) for passage in told.passages] == [(404, "", b"/other")]


def test_bytes_that_are_no_request_are_told() -> None:
    table = Table()
    told = listening(table)
    near = table.client()
    near.send(b"GET /\x01 nonsense\r\n\r\n")
    assert told.statuses == near.statuses == [400]


def test_of_a_head_that_is_too_large_the_target_is_told() -> None:
    table = Table()
    told = listening(table)
    table.client().get("/big?" + "x" * 20_000)
    assert [(passage.status, passage.method, passage.path) for passage in told.passages] == [(414, b"GET", b"/big")]


def test_a_password_in_a_target_that_is_refused_is_not_told() -> None:
    table = Table()
    told = listening(table)
    table.client().get("http://user:sesame@host/")
    assert [(passage.status, passage.target) for passage in told.passages] == [(400, b"")]


def test_all_observers_are_told_of_the_same_passage() -> None:
    table, one, other = Table(), Listening(), Listening()
    table.site.audience = Audience((one, other))
    table.client().get()
    table.connections.connect().answer()
    assert one.passages[0] is other.passages[0]


def test_a_client_that_left_is_told_once() -> None:
    table = Table()
    told = listening(table)
    near, far = table.calling()
    near.lose()
    far.close()
    assert [(passage.status, passage.replica) for passage in told.passages] == [(499, "demo-0")]


def test_a_retried_request_is_told_once_with_its_retries() -> None:
    table = Table(limits=(1, 1))
    told = listening(table)
    table.client().get()
    table.connections.fail(ConnectionRefusedError())
    table.connections.connect().answer()
    assert [(passage.status, passage.replica, passage.retries) for passage in told.passages] == [(200, "demo-1", 1)]


def test_a_wait_for_a_start_is_told() -> None:
    table = Table(limits=())
    told = listening(table)
    table.client().get()
    table.app.ready()
    table.connections.connect().answer()
    assert told.passages[0].cold_seconds is not None


def test_a_tunnel_is_told_when_it_ends_with_what_went_through() -> None:
    table = Table()
    told = listening(table)
    near, far = upgraded(table)
    head = len(near.sent)
    protocol, other = near.transport.protocol, far.transport.protocol
    assert protocol is not None
    assert other is not None
    protocol.data_received(b"12345")
    other.data_received(b"123")
    assert told.passages == []
    other.connection_lost(None)
    (passage,) = told.passages
    assert (passage.status, passage.received_bytes, passage.sent_bytes) == (101, 5, head + 3)


def upgraded(table: Table) -> tuple[Near, Far]:
    near = table.client()
    near.get(fields="connection: upgrade\r\nupgrade: echo\r\n")
    far = table.connections.connect()
    far.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    return near, far


def test_without_a_tracer_a_trace_passes_through() -> None:
    near = (table := Table()).client()
    near.get(fields="traceparent: 00-1-2-01\r\ntracestate: a=b\r\n")
    sent = table.connections.connect().transport.sent
    assert b"\r\ntraceparent: 00-1-2-01\r\ntracestate: a=b\r\n" in sent


def test_a_replica_gets_the_tracer_s_fields_once_a_request() -> None:
    table, tracer = Table(limits=(1, 1)), FakeTracer()
    table.site.audience = Audience((), tracer)
    table.client().get()
    table.connections.fail(ConnectionRefusedError())
    far = table.connections.connect()
    assert far.transport.sent.count(b"\r\ntraceparent: 00-x\r\n") == len(tracer.begun) == 1
    assert far.transport.sent.endswith(b"\r\n\r\n")

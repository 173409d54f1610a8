from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar

import pytest

from proxy.errors import AnswerError
from runtime.connection import Connections
from runtime.exchange import Reply, Request
from tests.runtime.fakes import FakeTransport, settle
from tests.runtime.house import House, run, statuses

POST = b"POST /f HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


def test_a_trailer_is_no_header() -> None:
    async def scenario(house: House) -> None:
        connection, _ = house.connect()
        house.go_on.set()
        head = b"POST /f HTTP/1.1\r\nx-request-id: head\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.data_received(head + b"2\r\n{}\r\n0\r\nx-request-id: trailer\r\nx: y\r\n\r\n")
        await settle()
        assert house.headers == {b"x-request-id": b"head"}

    run(scenario)


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(
    "sent",
    [
        b"POST /f?q=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n[1,2,3]",
        b"POST /f HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n4\r\n2,3]\r\n0\r\n\r\n",
    ],
)
def test_request_is_the_same_however_it_arrives(sent: bytes, step: int) -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        house.go_on.set()
        for start in range(0, len(sent), step):
            connection.data_received(sent[start : start + step])
        await settle()
        assert house.seen == ["POST /f [1,2,3]"]
        assert statuses(transport) == [b"200"]
        assert not transport.closed

    run(scenario)


def test_requests_sent_ahead_are_answered_one_at_a_time_in_order() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(POST + POST.replace(b"/f", b"/g"))
        await settle()
        assert house.seen == ["POST /f {}"]
        assert not transport.reading
        house.go_on.set()
        await settle()
        assert house.seen == ["POST /f {}", "POST /g {}"]
        assert transport.reading

    run(scenario)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\na: " + b"x" * 65536 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 65536 + b" HTTP/1.1\r\n\r\n", b"431"),
    ],
)
def test_what_is_not_served_is_refused_and_closed(sent: bytes, status: bytes) -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(sent)
        connection.data_received(POST)
        await settle()
        assert statuses(transport) == [status]
        assert b"connection: close" in transport.sent
        assert transport.closed
        assert house.seen == []

    run(scenario)


def test_head_that_never_ends_is_refused() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(b"GET / HTTP/1.1\r\na: ")
        for _ in range(17):
            connection.data_received(b"x" * 4096)
        await settle()
        assert statuses(transport) == [b"431"]

    run(scenario)


def test_answers_before_a_malformed_request_are_still_given() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(POST + b"GARBAGE\r\n\r\n")
        house.go_on.set()
        await settle()
        assert statuses(transport) == [b"200", b"400"]

    run(scenario)


def test_half_close_cancels_the_call_and_then_closes() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(POST)
        await settle()
        assert connection.eof_received()
        assert not transport.closed
        await settle()
        assert house.seen == ["POST /f {}", "cancelled"]
        assert transport.aborted

    run(scenario)


def test_half_close_before_the_task_has_begun_closes_too() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        connection.data_received(POST)
        connection.eof_received()
        await settle()
        assert house.seen == []
        assert transport.aborted

    run(scenario)


def test_idle_connection_ends_with_its_client() -> None:
    async def scenario(house: House) -> None:
        connection, _ = house.connect()
        assert not connection.eof_received()

    run(scenario)


def test_reset_after_a_half_close_does_not_cancel_the_clean_up() -> None:
    async def scenario(house: House) -> None:
        cleaned = asyncio.Event()

        async def respond(request: Request, reply: Reply) -> None:
            try:
                await house.go_on.wait()
            finally:
                await asyncio.sleep(0)
                cleaned.set()

        house.connections.respond = respond
        connection, _ = house.connect()
        connection.data_received(POST)
        await settle()
        connection.eof_received()
        await asyncio.sleep(0)
        connection.connection_lost(ConnectionResetError())
        await settle()
        assert cleaned.is_set()

    run(scenario)


def test_drain_closes_idle_connections_now_and_busy_ones_after_their_answer() -> None:
    async def scenario(house: House) -> None:
        (_, idle), (busy, transport) = house.connect(), house.connect()
        busy.data_received(POST)
        async with asyncio.TaskGroup() as group:
            drain = group.create_task(house.connections.drain())
            await settle()
            assert (idle.closed, transport.closed) == (True, False)
            house.go_on.set()
            await settle()
            assert b"connection: close" in transport.sent
            assert transport.closed
            assert not drain.done()
            drain.cancel()

    run(scenario)


def test_drain_ends_when_the_last_connection_is_gone() -> None:
    async def scenario(house: House) -> None:
        connection, _ = house.connect()
        async with asyncio.TaskGroup() as group:
            drain = group.create_task(house.connections.drain())
            await settle()
            assert not drain.done()
            connection.connection_lost(None)

    run(scenario)


def test_what_a_call_sets_is_unknown_to_the_next_on_its_connection() -> None:
    seen: ContextVar[int] = ContextVar("seen", default=0)
    values: list[int] = []

    async def respond(request: Request, reply: Reply) -> None:
        values.append(seen.get())
        seen.set(1)
        await asyncio.sleep(0)
        values.append(seen.get())
        reply.whole(200, b"")

    async def scenario(house: House) -> None:
        house.connections.respond = respond
        connection, _ = house.connect()
        connection.data_received(POST + POST)
        await settle()
        assert values == [0, 1, 0, 1]

    run(scenario)


def test_a_call_that_cancels_its_own_task_harms_no_other_call_on_its_connection() -> None:
    async def respond(request: Request, reply: Reply) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        task.cancel()
        reply.whole(200, b"")

    async def scenario(house: House) -> None:
        house.connections.respond = respond
        connection, transport = house.connect()
        for _ in range(2):
            connection.data_received(POST)
            await settle()
        assert statuses(transport) == [b"200", b"200"]

    run(scenario)


def test_a_cut_answer_ends_its_connection_and_what_was_sent_ahead() -> None:
    async def respond(request: Request, reply: Reply) -> None:
        answered.append(request.path)

    answered: list[str] = []

    async def scenario(house: House) -> None:
        house.connections.respond = respond
        connection, transport = house.connect()
        connection.data_received(POST + POST)
        await settle()
        assert (answered, transport.closed) == (["/f"], True)

    run(scenario)


@pytest.mark.parametrize("beginning", [b"x: ", b"x: y\r\nz", b"x: y\r\nz: "])
def test_an_endless_trailer_is_refused(beginning: bytes) -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        head = b"POST /f HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.data_received(head + b"2\r\n{}\r\n0\r\n" + beginning)
        for _ in range(20):
            connection.data_received(b"y" * 8192)
        await settle()
        assert statuses(transport) == [b"431"]

    run(scenario)


def test_a_body_may_come_in_pieces_of_any_size() -> None:
    async def scenario(house: House) -> None:
        connection, transport = house.connect()
        house.go_on.set()
        connection.data_received(b"POST /f HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(40_000):
            connection.data_received(b"1\r\n")
            connection.data_received(b" \r\n")
        connection.data_received(b"40000\r\n" + b" " * 0x40000 + b"\r\n0\r\n\r\n")
        await settle()
        assert statuses(transport) == [b"200"]

    run(scenario)


def test_a_refused_head_is_forgotten_with_its_connection() -> None:
    refused: list[weakref.ref[BaseException]] = []

    async def respond(request: Request, reply: Reply) -> None:
        try:
            await request.body()
        except AnswerError as error:
            refused.append(weakref.ref(error))
            reply.whole(error.status, b"")

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            connection = Connections(group, respond).accept()
            connection.connection_made(FakeTransport())
            connection.data_received(b"POST /f HTTP/1.1\r\n" + b"x: y%b\r\n" % (b"y" * 9000) * 8 + b"\r\n")
            await settle()
            connection.connection_lost(None)

    asyncio.run(scenario())
    gc.collect()
    assert [reference() for reference in refused] == [None]

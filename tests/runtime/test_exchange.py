from __future__ import annotations

import asyncio

import pytest

from runtime.exchange import Reply, Request
from tests.runtime.fakes import FakeTransport


class Exchange:
    def __init__(self, method: str = "POST", *, keep_alive: bool = True) -> None:
        self.transport = FakeTransport()
        self.writable = asyncio.Event()
        self.request = Request(method, b"/f%C3%A9?q", {}, keep_alive=keep_alive)
        self.reply = Reply(self.request, self.transport, self.writable)


def test_path_is_decoded_and_has_no_query() -> None:
    assert Exchange().request.path == "/fé"


def test_in_the_log_it_is_asked_for_as_it_came() -> None:
    request = Request("POST", b"/f/%0A[r2]%1b?q", {}, keep_alive=True)
    assert request.shown == "/f/%0A[r2]%1b"


def test_whole_answer_has_its_length() -> None:
    exchange = Exchange(keep_alive=False)
    exchange.reply.whole(405, b"{}", "allow: POST")
    assert exchange.transport.sent == (
        b"HTTP/1.1 405 Method Not Allowed\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"
        b"allow: POST\r\nconnection: close\r\n\r\n{}"
    )


def test_answers_that_never_have_a_body_have_none() -> None:
    without, head = Exchange(), Exchange("HEAD")
    without.reply.whole(204, b"{}")
    head.reply.whole(200, b"{}")
    assert without.transport.sent == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert head.transport.sent.endswith(b"content-length: 2\r\n\r\n")


def test_stream_is_complete_only_after_its_end() -> None:
    exchange = Exchange()
    exchange.writable.set()
    asyncio.run(exchange.reply.frame(b"data: 1\n\n"))
    assert exchange.transport.sent.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n")
    assert not exchange.reply.complete
    exchange.reply.end()
    assert exchange.transport.sent.endswith(b"0\r\n\r\n")
    assert exchange.reply.complete


def test_stream_waits_while_the_client_is_slower() -> None:
    async def scenario() -> None:
        exchange = Exchange()
        async with asyncio.TaskGroup() as group:
            frame = group.create_task(exchange.reply.frame(b"x"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not frame.done()
            exchange.writable.set()

    asyncio.run(scenario())


def test_nothing_is_streamed_to_a_client_that_left() -> None:
    exchange = Exchange()
    exchange.request.abandoned = True
    with pytest.raises(ConnectionError):
        asyncio.run(exchange.reply.frame(b"x"))
    assert exchange.transport.sent == b""

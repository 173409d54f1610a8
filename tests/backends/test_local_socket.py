"""Sockets between processes of this machine, and the two that speak over them."""

from __future__ import annotations

import asyncio

import pytest

from proxy.backends import local_socket
from proxy.control.prober import Prober, Question

pytestmark = pytest.mark.skipif(not local_socket.AVAILABLE, reason="only Linux has abstract sockets")


def test_who_connects_by_the_name_reaches_the_listener() -> None:
    listener, host = local_socket.listen()
    with listener, asyncio.run(local_socket.connect(host)) as near, listener.accept()[0] as far:
        near.send(b"hello")
        assert far.recv(10) == b"hello"


def test_nobody_is_there_once_the_last_one_has_closed_it() -> None:
    listener, host = local_socket.listen()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(local_socket.connect(host))


def test_who_finds_the_line_full_waits_until_it_is_not() -> None:
    listener, host = local_socket.listen()
    listener.listen(0)

    async def scenario() -> None:
        first = await local_socket.connect(host)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(local_socket.connect(host))
            for _ in range(3):
                await asyncio.sleep(0)
            assert not waiting.done()
            listener.accept()[0].close()
        for sock in (first, waiting.result()):
            sock.close()

    with listener:
        asyncio.run(scenario())


@pytest.mark.parametrize(("host", "local"), [("@00012", True), ("127.0.0.1", False), ("::1", False), ("", False)])
def test_no_name_of_the_network_is_taken_for_one(host: str, local: bool) -> None:
    assert local_socket.is_local(host) is local


def test_a_probe_that_comes_first_is_answered_when_the_server_is_there() -> None:
    listener, host = local_socket.listen()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"host: localhost\r\n" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async def scenario() -> bool:
        question = Question("/ready", 2)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(Prober(question, question).ready(host, 0))
            await asyncio.sleep(0)
            async with await asyncio.start_unix_server(answer, sock=listener):
                return (await asked).passed

    assert asyncio.run(scenario())

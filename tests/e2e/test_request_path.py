"""The whole request path over real sockets, under the plain event loop and under uvloop."""

from __future__ import annotations

import asyncio
import random
import re
import resource
import time
from pathlib import Path

import pytest

from proxy.core.replica import Event
from tests.e2e.scene import Client, Over, Run, Scene, eventually, over_fixture, run_fixture, scene

__all__ = ["over_fixture", "run_fixture"]  # makes them known here


# Random mishaps

TARGETS = ("/quick", "/quick", "/sleep/5", "/sleep/20", "/deaf/5", "/deaf/20", "/stream/5", "/stream/20", "/reset")
REQUESTS_EACH = 60
# A handshake costs both ends, here the same processor, more than a request.
REQUESTS_EACH_TLS = 6
CLIENTS = 24


class Visitor:
    """Sends random requests and leaves some of them at a random moment."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._random = random.Random(seed)

    async def visit(self) -> None:
        for _ in range(REQUESTS_EACH_TLS if self._scene.listener.secure else REQUESTS_EACH):
            target = self._random.choice((*TARGETS, "/close", "/bytes/400000", "/sink"))
            body = bytes(self._random.choice((0, 0, 10, 100_000)))
            client = await self._scene.connect()
            client.send(target, body, close=True)
            await self._see(client)
            client.writer.transport.abort()

    async def _see(self, client: Client) -> None:
        mood = self._random.random()
        if mood < 0.5:
            await client.rest()
        elif mood < 0.6 and client.writer.can_write_eof():
            client.writer.write_eof()
            await client.rest()
        else:
            await asyncio.sleep(self._random.random() * 0.02)
            if mood < 0.8:
                client.writer.close()


async def misbehave(scene: Scene, seed: int, enough: asyncio.Event) -> None:
    """Close replicas' ports now and then; what was marked unready is ready again soon.

    Ends by itself: cancelled while it opens a port, asyncio would leave that socket open and owned by nobody.
    """
    chance, pool = random.Random(seed), scene.app.pool
    while not enough.is_set():
        await asyncio.sleep(chance.random() * 0.05)
        server = chance.choice(scene.servers)
        server.refuse()
        await asyncio.sleep(chance.random() * 0.02)
        await server.open()
        for replica in pool:
            pool.apply(replica, Event.PASSED, time.monotonic())


@pytest.mark.parametrize("seed", [1, 2])
def test_no_slot_is_lost_and_no_limit_passed_whoever_leaves_or_breaks(run: Run, over: Over, seed: int) -> None:
    async def scenario() -> None:
        async with over(limits=(1, 2, 3)) as house:
            enough = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(misbehave(house, seed, enough))
                visits = [group.create_task(Visitor(house, seed * 100 + n).visit()) for n in range(CLIENTS)]
                await asyncio.gather(*visits)
                enough.set()
            for replica in house.app.pool:
                house.app.pool.apply(replica, Event.PASSED, time.monotonic())
            await eventually(lambda: house.quiet)
            assert house.app.slots_taken == [0, 0, 0]
            assert all(server.most <= limit for server, limit in zip(house.servers, (1, 2, 3), strict=True))
            each = REQUESTS_EACH_TLS if house.listener.secure else REQUESTS_EACH
            assert sum(house.app.statuses.values()) == CLIENTS * each

    run(scenario())


# Clients that leave


def test_a_replica_that_notices_the_half_close_frees_its_slot_at_once(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            client.send("/stream/100000")
            await client.reader.readuntil(b"data: x")
            left = time.monotonic()
            client.writer.close()
            await eventually(lambda: not house.app.pool.in_flight)
            assert time.monotonic() - left < 0.9  # one that does not notice is reset after a second
            assert house.app.statuses == {499: 1}

    run(scenario())


def test_a_client_that_ends_its_sending_side_in_mid_upload_has_sent_all_of_it(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as house:
            client = await house.connect()
            size = 8 << 20
            client.send("/sink", bytes(size), close=True)
            client.writer.write_eof()
            await eventually(lambda: house.server.busy)
            while house.server.busy:  # slower than the client
                house.server.stall(True)
                await asyncio.sleep(0.005)
                house.server.stall(False)
                await asyncio.sleep(0.001)
            assert (await client.rest()).endswith(b"%d" % size)

    run(scenario())


def test_a_replica_that_does_not_notice_keeps_its_slot_until_it_has_answered(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            client.send("/deaf/300")
            await eventually(lambda: house.server.busy)
            client.writer.transport.abort()
            assert b"200 OK" in await house.ask("/quick")
            assert (house.server.most, house.server.seen) == (1, ["/deaf/300", "/quick"])

    run(scenario())


def test_a_replica_that_streams_on_is_reset_a_second_after_the_half_close(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            client.send("/flood")
            await client.reader.readuntil(b"data: x")
            left = time.monotonic()
            client.writer.transport.abort()
            await eventually(lambda: not house.server.busy)
            assert 0.9 < time.monotonic() - left < 5  # it would go on for ever
            assert house.app.slots_taken == [0]

    run(scenario())


def test_a_client_that_only_ended_its_sending_side_gets_its_answer(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as house:
            await house.ask("/quick")
            client = await house.connect()
            client.send("/deaf/50")
            await eventually(lambda: house.server.busy)
            client.writer.write_eof()
            assert (await client.rest()).endswith(b"\r\n\r\nok")

    run(scenario())


def test_a_client_that_leaves_the_queue_never_reaches_a_replica(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            first, second = await house.connect(), await house.connect()
            first.send("/sleep/200", close=True)
            await eventually(lambda: house.server.busy)
            second.send("/stream/1")
            await eventually(lambda: len(house.app.pool.queue))
            second.writer.close()
            await eventually(lambda: not house.app.pool.queue)
            await first.rest()
            assert house.server.seen == ["/sleep/200"]

    run(scenario())


# Bodies


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def test_a_large_answer_waits_for_a_slow_client_outside_of_our_memory(run: Run, over: Over) -> None:
    size = 100 << 20

    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            before = resident_bytes()
            client.send(f"/bytes/{size}", close=True)
            await asyncio.sleep(0.3)
            assert resident_bytes() - before < 20 << 20
            head = await client.reader.readuntil(b"\r\n\r\n")
            got = 0
            while piece := await client.reader.read(1 << 20):
                got += len(piece)
            assert (got, resident_bytes() - before < 20 << 20) == (size, True), head

    run(scenario())


def test_a_large_body_streams_in_bounded_memory(run: Run, over: Over) -> None:
    count, piece = 1600, bytes(65_536)

    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            before = resident_bytes()
            client.writer.write(b"POST /sink HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (count * len(piece)))
            for _ in range(count):
                client.writer.write(piece)
                await client.writer.drain()
            answer = await client.reader.readuntil(b"%d" % (count * len(piece)))
            assert answer.startswith(b"HTTP/1.1 200")
            assert resident_bytes() - before < 20 << 20

    run(scenario())


def test_an_event_leaves_the_proxy_when_it_enters_it(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await house.connect()
            asked = time.monotonic()
            client.send("/stream/1000")
            await client.reader.readuntil(b"data: x\n\n")
            assert house.server.busy  # for two seconds, if it were let
            assert time.monotonic() - asked < 1

    run(scenario())


# Refusals


def test_a_full_queue_is_429_with_the_time_after_which_to_retry(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over("[tidegate.queue]\nmax_length = 0") as house:
            house.app.pool.service_seconds = 7.5
            client = await house.connect()
            client.send("/sleep/300")
            await eventually(lambda: house.server.busy)
            answer = await house.ask("/quick")
            assert answer.startswith(b"HTTP/1.1 429")
            assert b"retry-after: 8\r\n" in answer
            assert b'"type":"queue_full"' in answer

    run(scenario())


def test_waiting_too_long_is_504_with_the_time_after_which_to_retry(run: Run) -> None:
    async def scenario() -> None:
        async with scene("[tidegate.queue]\ntimeout_seconds = 0.1") as house:
            client = await house.connect()
            client.send("/sleep/400")
            await eventually(lambda: house.server.busy)
            answer = await house.ask("/quick")
            assert answer.startswith(b"HTTP/1.1 504")
            assert re.search(rb"retry-after: \d+\r\n", answer)

    run(scenario())


# Tunnels

UPGRADE = b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"


async def tunnelled(house: Scene, ahead: bytes = b"") -> Client:
    client = await house.connect()
    client.writer.write(UPGRADE + ahead)
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    return client


def test_a_tunnel_holds_its_slot_and_ends_when_both_sides_have(run: Run) -> None:
    async def scenario() -> None:
        async with scene() as house:
            client = await tunnelled(house, b"early ")
            client.writer.write(b"late")
            assert await client.reader.readexactly(10) == b"early late"
            assert house.app.slots_taken == [1]
            client.writer.write_eof()
            assert await client.rest() == b""
            client.writer.close()
            await eventually(lambda: house.quiet)
            assert house.app.statuses == {101: 1}

    run(scenario())


def test_a_tunnel_passes_much_on_to_slow_readers_in_bounded_memory(run: Run, over: Over) -> None:
    count, piece = 256, bytes(65_536)

    async def pour(writer: asyncio.StreamWriter) -> None:
        for _ in range(count):
            writer.write(piece)
            await writer.drain()

    async def scenario() -> None:
        async with over() as house:
            client = await tunnelled(house)
            before = resident_bytes()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pour(client.writer))
                await asyncio.sleep(0.3)
                for _ in range(count):
                    assert await client.reader.readexactly(len(piece)) == piece
            assert resident_bytes() - before < 48 << 20  # 16 of them are what the replica has taken down
            client.writer.close()
            await eventually(lambda: house.quiet)

    run(scenario())


def test_a_client_that_breaks_off_a_tunnel_frees_the_slot(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await tunnelled(house)
            client.writer.transport.abort()
            await eventually(lambda: house.quiet)
            assert house.app.slots_taken == [0]

    run(scenario())


def test_a_replica_that_breaks_a_tunnel_cuts_the_client_off(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over() as house:
            client = await tunnelled(house)
            house.server.break_off()
            await client.rest()
            assert client.broken
            await eventually(lambda: house.quiet)

    run(scenario())


# Early answers


async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say 413 before the body has come, and close with the rest of it unread."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    writer.transport.abort()


def test_an_answer_that_comes_before_the_body_is_complete_is_not_lost(run: Run, over: Over) -> None:
    async def scenario() -> None:
        async with over(limits=(20,)) as house:
            server = await asyncio.start_server(answer_early, "127.0.0.1", 0)
            (replica,) = house.app.pool
            replica.port = server.sockets[0].getsockname()[1]
            for _ in range(20):
                client = await house.connect()
                client.send("/upload", bytes(2_000_000))
                assert (await client.reader.readline()).startswith(b"HTTP/1.1 413 ")
                client.writer.transport.abort()
            server.close()

    run(scenario())

"""What is different over TLS: handshakes, ends, and certificates that change."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.net import handshakes
from proxy.net.certificate import Certificate
from tests.e2e.certificates import trusting, write_certificate
from tests.e2e.scene import DEADLINE_SECONDS, Client, Run, Scene, eventually, run_fixture, scene

__all__ = ["run_fixture"]


@asynccontextmanager
async def encrypted(folder: Path, limits: tuple[int, ...] = (1,)) -> AsyncIterator[Scene]:
    async with scene(limits=limits, certificate=Certificate(*write_certificate(folder))) as house:
        yield house


async def answer(client: Client, target: str) -> bytes:
    """Head and body of an answer with `ok`, on a connection that goes on."""
    client.send(target)
    return await client.reader.readuntil(b"\r\n\r\nok")


def test_a_connection_is_kept_and_speaks_http_1_1_alone(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            client = await house.connect()
            for _ in range(3):
                assert (await answer(client, "/quick")).startswith(b"HTTP/1.1 200 OK\r\n")
            spoken = client.writer.get_extra_info("ssl_object")
            assert spoken.selected_alpn_protocol() == "http/1.1"
            assert spoken.version() == "TLSv1.3"

    run(scenario())


def test_old_versions_of_tls_are_refused(run: Run, tmp_path: Path) -> None:
    old = ssl.create_default_context()
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", house.listener.port, ssl=old)

    run(scenario())


def test_the_last_answer_on_a_connection_ends_it_at_once_and_cleanly(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            asked = time.monotonic()
            assert (await house.ask("/quick")).endswith(b"\r\n\r\nok")
            assert time.monotonic() - asked < 5
            assert not house.clients[0].broken

    run(scenario())


def test_a_client_that_leaves_is_noticed_however_it_leaves(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            for leave in ("close", "abort"):
                client = await house.connect()
                client.send("/stream/100000")
                await client.reader.readuntil(b"data: x")
                left = time.monotonic()
                getattr(client.writer.transport, leave)()
                await eventually(lambda: not house.app.pool.in_flight)
                assert time.monotonic() - left < 0.9  # one that is not noticed is reset after a second
            assert house.app.statuses == {499: 2}

    run(scenario())


def test_a_client_that_leaves_while_it_is_not_read_from_is_noticed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            first, second = await house.connect(), await house.connect()
            first.send("/sleep/3000")
            await eventually(lambda: house.server.busy)
            second.writer.write(b"POST /sink HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n" + bytes(400_000))
            await eventually(lambda: len(house.app.pool.queue))
            await asyncio.sleep(0.1)
            second.writer.transport.abort()
            await eventually(lambda: not house.app.pool.queue)
            assert house.server.busy  # with the first: the queue has not come to its turn

    run(scenario())


def test_an_answer_that_breaks_off_does_not_look_complete(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            data = await house.ask("/reset")
            assert data.endswith(b"broken")
            assert b"content-length: 100\r\n" in data

    run(scenario())


def test_an_idle_connection_ends_when_the_proxy_drains_and_a_running_request_is_finished(
    run: Run, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            idle, running = await house.connect(), await house.connect()
            await answer(idle, "/quick")
            running.send("/sleep/200")
            await eventually(lambda: house.server.busy)
            await asyncio.gather(house.listener.drain(), idle.rest())
            assert (await running.rest()).endswith(b"\r\n\r\nok")

    run(scenario())


# Handshakes


def raw(house: Scene) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", house.listener.port))
    connection.setblocking(False)
    return connection


def test_a_client_that_speaks_no_tls_is_closed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"HTTP" not in await reader.read()
            writer.close()
            assert house.listener.handshakes is not None
            await eventually(lambda: not house.listener.handshakes)
            assert house.app.statuses == {}

    run(scenario())


def test_a_handshake_that_takes_too_long_is_ended(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 0.2)

    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            with raw(house) as silent:
                assert await asyncio.get_running_loop().sock_recv(silent, 1) == b""

    run(scenario())


def test_those_that_never_finish_a_handshake_keep_nobody_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "MOST", 4)

    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            silent = [raw(house) for _ in range(8)]
            assert (await house.ask("/quick")).endswith(b"ok")
            assert await asyncio.get_running_loop().sock_recv(silent[0], 1) == b""
            assert house.listener.handshakes is not None
            assert len(house.listener.handshakes) <= 4
            for connection in silent:
                connection.close()

    run(scenario())


def test_handshakes_count_as_clients(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            house.listener.max_clients = 1
            with raw(house):
                await eventually(lambda: house.listener.full)
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await house.connect()
            await eventually(lambda: not house.listener.full)
            assert (await house.ask("/quick")).endswith(b"ok")

    run(scenario())


# Certificates


async def shown(house: Scene) -> int:
    """The serial number of the certificate that a new client gets."""
    client = await house.connect()
    serial = client.writer.get_extra_info("peercert")["serialNumber"]
    client.writer.transport.abort()
    return int(serial, 16)


def test_new_clients_get_a_new_certificate_and_the_others_stay(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        certificate = Certificate(*write_certificate(tmp_path))
        async with scene(certificate=certificate) as house:
            before, staying = await shown(house), await house.connect()
            await answer(staying, "/quick")
            write_certificate(tmp_path)
            assert await shown(house) == before
            certificate.load()
            assert await shown(house) != before
            assert (await answer(staying, "/quick")).endswith(b"ok")

    run(scenario())


def test_the_client_checks_the_name_as_ever(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(certificate=Certificate(*write_certificate(tmp_path, "elsewhere.example"))) as house:
            with pytest.raises(ssl.SSLCertVerificationError):
                await house.connect()

    run(scenario())
    assert trusting().check_hostname


# Slow clients


def read_late(port: int, seconds: float) -> int:
    """How much of an answer a client gets that reads nothing at first, and has little room."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(DEADLINE_SECONDS)
        plain.connect(("127.0.0.1", port))
        with trusting().wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET /bytes/240000 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            time.sleep(seconds)
            data = b""
            while piece := client.recv(65_536):
                data += piece
            return data.count(b"\0")


async def small_buffer(house: Scene) -> None:
    """What the client does not take has to wait in the proxy."""
    await eventually(lambda: len(house.listener))
    (client,) = house.listener._clients
    client._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def test_a_slow_client_gets_the_whole_of_the_last_answer_on_its_connection(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with encrypted(tmp_path) as house:
            late = asyncio.to_thread(read_late, house.listener.port, 3)
            got, _ = await asyncio.gather(late, small_buffer(house))
            assert got == 240_000

    run(scenario())

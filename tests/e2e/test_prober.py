"""Questions to a server that answers with given bytes."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from proxy.control import prober as prober_module
from proxy.control.prober import Prober
from proxy.core.probe import Answer
from tests.control.fakes import config

READY = '[cerebrium.runtime.custom]\nreadycheck_endpoint = "/ready"\n'
PATIENT = "[tidegate.probes]\ntimeout_seconds = 20\n"
HURRIED = "[tidegate.probes]\ntimeout_seconds = 0.05\n"


def asked(pieces: list[bytes], toml: str = READY) -> Answer:
    """The answer taken from a server that writes these pieces, each in a packet of its own, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.002)
        if not pieces:
            await reader.read()  # until the prober has hung up
        writer.close()
        over.set()

    over = asyncio.Event()

    async def scenario() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            answer = await Prober.of(config(toml), ours=True).ready(*server.sockets[0].getsockname())
            await over.wait()
            await asyncio.sleep(0)
            return answer

    return asyncio.run(scenario())


def head(status: str, length: int | str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n".encode()


def answered(status: str, body: bytes) -> Answer:
    return asked([head(status, len(body)) + body])


@pytest.mark.parametrize("body", [b"", b"ok", b'{"ready": true}', b'{"ready": 0}', b"[false]", b"\xff", b"[" * 60_000])
def test_2xx_is_ready_whatever_else_it_says(body: bytes) -> None:
    assert answered("200 OK", body) == Answer(True, "/ready answered 200", spoken=True)


def test_ready_false_in_a_2xx_is_not_ready() -> None:
    assert answered("200 OK", b'{"ready": false, "why": 1}') == Answer(
        False, '/ready answered 200, but says "ready": false', spoken=True
    )


def test_a_body_in_pieces_is_read_whole() -> None:
    assert not asked([head("200 OK", 16), b'{"ready"', b": false}"]).passed


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"loading\nweights", ": loading"),
        (b"", ""),
        (b"  \n", ""),
        (b"\xc2\xa0", ""),
        (b"\xff", ": \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_first_line_of_a_no_is_shown(body: bytes, text: str) -> None:
    assert answered("503 Service Unavailable", body) == Answer(False, f"/ready answered 503{text}", spoken=True)


def test_a_redirect_is_not_followed() -> None:
    assert asked([b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"]) == Answer(
        False, "/ready answered 302", spoken=True
    )


def test_no_answer_in_time_is_silence() -> None:
    assert asked([], READY + HURRIED) == Answer(False, "/ready did not answer within 0.05 s", silent=True)


def test_bytes_that_are_no_http_are_a_no() -> None:
    answer = asked([b"220 smtp ready\r\n"])
    assert (answer.passed, answer.silent) == (False, False)
    assert answer.text.startswith("/ready: ")


@pytest.mark.parametrize(("toml", "what"), [(READY, "/ready"), ("[cerebrium.runtime.custom]", "the port")])
def test_a_refused_connection_is_a_no(toml: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    answer = asyncio.run(Prober.of(config(toml), ours=True).ready(*address))
    assert answer == Answer(False, f"{what}: connection refused")


@pytest.mark.parametrize("toml", [READY, "[cerebrium.runtime.custom]"])
def test_what_can_be_no_host_name_is_a_no(toml: str) -> None:
    assert not asyncio.run(Prober.of(config(toml), ours=False).ready("a..b", 80)).passed


def test_a_port_that_accepts_is_ready_where_no_endpoint_is_set() -> None:
    assert asked([b""], "[cerebrium.runtime.custom]") == Answer(True, "the port accepts connections", spoken=True)


@pytest.mark.parametrize(
    ("toml", "ours", "paths"),
    [
        ("", True, ("/ready", "/health")),
        ("", False, ("", "")),
        ('[cerebrium.runtime.custom]\nhealthcheck_endpoint = "/up"', True, ("", "/up")),
    ],
)
def test_what_is_asked_depends_on_whose_server_it_is(toml: str, ours: bool, paths: tuple[str, str]) -> None:
    prober = Prober.of(config(toml), ours)
    assert (prober.ready_path, prober.health_path) == paths


@pytest.mark.parametrize(
    ("relayed", "hangs_up", "passed"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_a_relay_that_hangs_up_at_once_stands_before_no_server(
    relayed: bool, hangs_up: bool, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hangs_up:  # a loop that is late is not what is tried here
        monkeypatch.setattr(prober_module, "_HANG_UP_SECONDS", 10.0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not hangs_up:
            await reader.read()  # until the prober has hung up
        writer.close()
        await writer.wait_closed()
        over.set()

    over = asyncio.Event()

    async def scenario() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            prober = Prober.of(config(f"[cerebrium.runtime.custom]\n{PATIENT}"), ours=True, relayed=relayed)
            answer = await prober.ready(*server.sockets[0].getsockname())
            await over.wait()
            return answer

    assert asyncio.run(scenario()).passed is passed


def test_without_a_file_descriptor_for_it_nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def out_of_descriptors(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "open_connection", out_of_descriptors)
    assert asyncio.run(Prober.of(config(READY), ours=True).ready("127.0.0.1", 1)).unasked

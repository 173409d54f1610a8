"""WebSockets through a running proxy: what they carry, what they count, how they end."""

from __future__ import annotations

import signal
import socket
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.running import Up, eventually, running, write_app

SERVER = Path(__file__).with_name("websocket_server.py")
SECONDS = 10
MIB = 1 << 20


@contextmanager
def serving(folder: Path, toml: str = "") -> Iterator[Up]:
    with running(write_app(folder, toml, entrypoint=f"{sys.executable} {SERVER} $PORT")) as up:
        yield up


@pytest.fixture(name="up", scope="module")
def up_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with serving(tmp_path_factory.mktemp("app")) as up:
        yield up


def opened(up: Up, path: str = "/echo", subprotocols: tuple[str, ...] = ()) -> ClientConnection:
    offered = [Subprotocol(name) for name in subprotocols] or None
    url = up.url.replace("http", "ws") + path
    return connect(url, subprotocols=offered, proxy=None, open_timeout=SECONDS, max_size=4 * MIB)


def said(client: ClientConnection, message: str | bytes) -> str | bytes:
    """What comes back."""
    client.send(message)
    return client.recv(SECONDS)


def reset(client: ClientConnection) -> None:
    """Gone without a closing handshake."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.shutdown(socket.SHUT_RD)  # wakes the thread that reads
    client.socket.close()


# What they carry


@pytest.mark.parametrize("message", ["", "Grüße", b"", bytes(range(256)), "x" * MIB, bytes(MIB)], ids=len)
def test_text_and_binary_come_back_as_they_were_sent(up: Up, message: str | bytes) -> None:
    with opened(up) as client:
        assert [said(client, message) for _ in range(3)] == [message] * 3


def test_fragments_stay_fragments(up: Up) -> None:
    with opened(up) as client:
        fragments = ["one", "", "x" * 70_000, "last"]
        client.send(fragments)
        assert [fragment for fragment in client.recv_streaming() if fragment] == [piece for piece in fragments if piece]


def test_pings_are_answered_in_both_directions(up: Up) -> None:
    with opened(up) as client:
        assert client.ping(b"payload").wait(SECONDS)
    with opened(up, "/ping") as client:
        assert client.recv(SECONDS) == "ponged"


def test_the_server_chooses_among_the_clients_subprotocols(up: Up) -> None:
    with opened(up, subprotocols=("one", "two")) as client:
        assert client.subprotocol == "two"
        assert said(client, "hello") == "hello"


def test_compression_is_negotiated_end_to_end(up: Up) -> None:
    with opened(up) as client:
        assert [type(extension).__name__ for extension in client.protocol.extensions] == ["PerMessageDeflate"]


# How they end


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_the_servers_close_reaches_the_client_with_its_code_and_reason(up: Up, code: int) -> None:
    with opened(up, f"/close/{code}") as client:
        client.send("now")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "enough")


def test_the_servers_answer_to_the_clients_close_reaches_the_client(up: Up) -> None:
    with opened(up) as client:
        client.close(4321, "bye")
        assert (client.close_code, client.close_reason) == (4321, "bye")
    eventually(lambda: in_flight(up) == 0)


# What they count


def in_flight(up: Up) -> int:
    return sum(replica["in_flight"] for replica in up.view()["replicas"])


def test_a_tunnel_takes_a_slot_and_the_next_one_waits_for_it(tmp_path: Path) -> None:
    with serving(tmp_path, "[cerebrium.scaling]\nreplica_concurrency = 1\n") as up, ThreadPoolExecutor() as threads:
        with opened(up) as first:
            assert said(first, "first") == "first"
            second = threads.submit(opened, up)
            eventually(lambda: up.view()["queue"]["length"] == 1)
            assert said(first, "still first") == "still first"
            assert in_flight(up) == 1
            assert not second.done()
        with second.result(SECONDS) as client:
            assert said(client, "second") == "second"


def test_a_client_that_breaks_off_frees_its_slot(tmp_path: Path) -> None:
    with serving(tmp_path, "[cerebrium.scaling]\nreplica_concurrency = 1\n") as up:
        for _ in range(3):
            with opened(up) as client:
                assert said(client, "hello") == "hello"
                assert in_flight(up) == 1
                reset(client)
                eventually(lambda: in_flight(up) == 0)


def test_an_open_websocket_finishes_while_the_proxy_drains(tmp_path: Path) -> None:
    with serving(tmp_path) as up:
        with opened(up) as client:
            assert said(client, "before") == "before"
            up.process.send_signal(signal.SIGTERM)
            eventually(lambda: "finishing what runs" in up.log())
            assert [said(client, "x" * MIB) for _ in range(5)] == ["x" * MIB] * 5
            assert up.process.poll() is None
        assert client.close_code == 1000
        assert up.process.wait(SECONDS) == 0
        assert "Traceback" not in up.log()

"""tidegate up with a certificate: both ports, the commands, a certificate that changes, a stop at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from websockets.sync.client import connect

from tests.e2e.certificates import authority, replace, trusting, write_certificate
from tests.e2e.running import SOON_SECONDS, TIDEGATE, Up, eventually, running, write_app

QUICK = "[cerebrium.scaling]\nmin_replicas = 1\n"
KEY = "a-key-of-the-admin-port"
HEADERS = """
import http.server, json, sys

class Headers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Headers).serve_forever()
"""


def got(up: Up, path: str = "/") -> bytes:
    with urllib.request.urlopen(up.url + path, context=trusting(), timeout=20) as answer:
        return bytes(answer.read())


def serial(up: Up) -> str:
    where = urlsplit(up.url)
    address = (str(where.hostname), int(where.port or 0))
    with (
        socket.create_connection(address) as plain,
        trusting().wrap_socket(plain, server_hostname=where.hostname) as tls,
    ):
        certificate = tls.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"])


def test_replicas_are_told_that_the_client_speaks_https(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "headers.py").write_text(HEADERS)
    app = write_app(tmp_path / "app", QUICK, entrypoint=f"{sys.executable} headers.py $PORT")
    with running(tmp_path, app, "--tls-cert", cert, "--tls-key", key) as up:
        assert up.url.startswith("https://")
        assert up.admin.startswith("http://")
        assert json.loads(got(up))["x-forwarded-proto"] == "https"
        run_id = json.loads(got(up, "/?async=true"))["run_id"]
        eventually(lambda: json.loads(got(up, f"/runs/{run_id}"))["status"] == "completed")
        assert json.loads(got(up, f"/runs/{run_id}"))["result"]["x-forwarded-proto"] == "https"


def test_a_new_certificate_is_shown_within_a_second_and_a_broken_one_never(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    with running(tmp_path, write_app(tmp_path / "app", QUICK), "--tls-cert", cert, "--tls-key", key) as up:
        first = serial(up)
        write_certificate(tmp_path)
        eventually(lambda: serial(up) != first, SOON_SECONDS)
        second = serial(up)
        replace(key, b"nothing")
        warning = f"--tls-key {key} holds no private key"
        eventually(lambda: warning in up.log())
        assert serial(up) == second
        write_certificate(tmp_path)
        eventually(lambda: serial(up) != second, SOON_SECONDS)
        assert up.log().count(warning) == 1


def test_the_admin_port_has_the_same_certificate_if_asked_and_commands_check_it(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    words = ("--tls-cert", cert, "--tls-key", key, "--admin-tls", "--admin-key", KEY)
    with running(tmp_path, write_app(tmp_path / "app", QUICK), *words) as up:
        assert up.admin.startswith("https://")
        environment = {**os.environ, "TIDEGATE_ADMIN": up.admin, "TIDEGATE_ADMIN_KEY": KEY}
        command = [TIDEGATE, "ps", "--json"]
        unknown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert unknown.returncode == 2
        assert "certificate verify failed" in unknown.stderr
        assert unknown.stderr.count("\n") == 1
        trusted = {**environment, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        known = subprocess.run(command, env=trusted, capture_output=True, text=True, check=True)
        assert json.loads(known.stdout)[0]["name"] == "demo"


def test_a_websocket_is_tunnelled_and_ends_as_it_should(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    server = Path(__file__).with_name("websocket_server.py")
    app = write_app(tmp_path / "app", QUICK, entrypoint=f"{sys.executable} {server} $PORT")
    with running(tmp_path, app, "--tls-cert", cert, "--tls-key", key) as up:
        url = up.url.replace("http", "ws") + "/echo"
        with connect(url, ssl=trusting(), proxy=None, max_size=4 << 20) as client:
            for message in ("Grüße", bytes(1 << 20)):
                client.send(message)
                assert client.recv(20) == message
            assert up.view()["in_flight"] == 1
        assert client.close_code == 1000
        eventually(lambda: up.view()["in_flight"] == 0)


def test_a_stop_at_once_waits_for_no_client(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    app = write_app(tmp_path / "app", QUICK)
    with running(tmp_path, app, "--tls-cert", cert, "--tls-key", key) as up:
        where = urlsplit(up.url)
        address = (str(where.hostname), int(where.port or 0))
        with socket.create_connection(address), socket.create_connection(address) as plain:
            tls = trusting().wrap_socket(plain, server_hostname=where.hostname)
            tls.sendall(b"GET /sleep/60 HTTP/1.1\r\nhost: a\r\n\r\n")
            eventually(lambda: up.view()["in_flight"] == 1)
            up.process.send_signal(signal.SIGTERM)
            eventually(lambda: "finishing what runs" in up.log())
            assert up.end() == 128 + signal.SIGTERM
            tls.close()

"""What the commands make of an admin port that is none, breaks off, or cannot be asked."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import BadStatusLine, HTTPException, IncompleteRead, InvalidURL
from typing import NoReturn
from urllib.error import HTTPError

import pytest

from proxy.admin.mark import FIELD
from proxy.cli.remote import Remote
from proxy.errors import UserError

URL = "http://127.0.0.1:8001"
NO_ADMIN_PORT = "http://127.0.0.1:8000 is no admin port: name the one that `tidegate up` printed with --admin"


class Answer(io.BytesIO):
    """What an admin port sends."""

    headers: Mapping[str, str] = {FIELD: "1"}
    url = f"{URL}/api/apps"


class Broken(Answer):
    """A response that ends in its middle."""

    def read(self, *_: object) -> bytes:
        raise IncompleteRead(b"[")

    def readline(self, *_: object) -> bytes:
        raise IncompleteRead(b"[")

    def __next__(self) -> bytes:
        return self.readline()


@pytest.mark.parametrize("error", [BadStatusLine("SSH-2.0-OpenSSH"), InvalidURL("URL can't contain spaces")])
def test_who_is_no_admin_port_is_told_with_the_mend(error: HTTPException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", fail)
    with pytest.raises(UserError, match=f"no tidegate up answers at {URL} .*name its admin address with --admin"):
        Remote(URL).apps()


def test_an_answer_that_breaks_off_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", lambda *_, **__: Broken())
    with pytest.raises(UserError, match="no tidegate up answers"):
        Remote(URL).apps()
    with pytest.raises(UserError, match=r"the connection to .* is lost"):
        list(Remote(URL).lines("/api/live"))


def test_a_server_that_answers_whatever_it_is_asked_is_no_admin_port(monkeypatch: pytest.MonkeyPatch) -> None:
    class Replica(Answer):
        headers: Mapping[str, str] = {"content-type": "application/json"}
        url = "http://127.0.0.1:8000/api/apps"

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", lambda *_, **__: Replica(b'{"ok": true}'))
    with pytest.raises(UserError) as refused:
        Remote("http://127.0.0.1:8000").apps()
    assert str(refused.value) == NO_ADMIN_PORT


def test_the_key_is_sent_in_utf_8_without_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[urllib.request.Request] = []

    def answer(_opener: object, request: urllib.request.Request, timeout: float) -> Answer:
        asked.append(request)
        return Answer(b"[]")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answer)
    Remote(URL, "secret\n").apps()
    Remote(URL, "Schlüssel").apps()
    sent = [str(request.get_header("Authorization")).encode("latin-1") for request in asked]
    assert sent == [b"Bearer secret", "Bearer Schlüssel".encode()]


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (URL, "127.0.0.1:8001"),
        ("http://localhost:8001", "localhost:8001"),
        ("http://[::1]:8001", "[::1]:8001"),
        ("http://tide.example.org:8001", "proxy.example.org:3128"),
    ],
)
def test_this_machine_is_asked_past_a_proxy_of_the_environment(
    url: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: list[str] = []

    def connect(_handler: object, request: urllib.request.Request) -> Answer:
        hosts.append(request.host)
        return Answer(b"[]")

    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(urllib.request.HTTPHandler, "http_open", connect)
    monkeypatch.setattr(urllib.request.HTTPErrorProcessor, "http_response", lambda _self, _request, response: response)
    Remote(url, "secret").apps()
    assert hosts == [asked]


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(UserError, match="the admin key has a character") as raised:
        Remote(URL, "se\ncret")
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (404, {"error": {"type": "app_not_found", "message": "no app is called x"}}, "no app is called x"),
        (400, {"error": {"type": "bad_request", "message": "give both"}}, "give both"),
        (500, ["?"], "the admin port answered 500 to /api/apps"),
        (401, {}, "http://127.0.0.1:8000 wants its key: set TIDEGATE_ADMIN_KEY, or give --admin-key"),
    ],
)
def test_what_is_answered_instead_is_one_sentence(
    status: int, body: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refusing(status, body, FIELD))
    with pytest.raises(UserError) as refused:
        Remote("http://127.0.0.1:8000").apps()
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (404, {"error": {"type": "function_not_found", "message": "no function api"}}, NO_ADMIN_PORT),
        (404, {"error": {"type": "app_not_found", "message": "no app matches"}}, NO_ADMIN_PORT),
        (401, {"error": {"type": "unauthorized", "message": "a key is needed"}}, NO_ADMIN_PORT),
        (502, "Bad Gateway", "the admin port answered 502 to /api/apps"),
    ],
)
def test_what_another_server_refuses_is_not_taken_for_the_admin_ports_words(
    status: int, body: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refusing(status, body))
    with pytest.raises(UserError) as refused:
        Remote("http://127.0.0.1:8000").apps()
    assert str(refused.value) == sentence


def refusing(status: int, body: object, *fields: str) -> Callable[..., NoReturn]:
    def refuse(_opener: object, request: urllib.request.Request, timeout: float) -> NoReturn:
        headers = Message()
        for name in fields:
            headers[name] = "1"
        raise HTTPError(request.full_url, status, "", headers, io.BytesIO(json.dumps(body).encode()))

    return refuse

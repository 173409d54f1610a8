"""What the commands make of an admin port that is none, breaks off, or cannot be asked."""

from __future__ import annotations

import io
import urllib.request
from http.client import BadStatusLine, HTTPException, IncompleteRead, InvalidURL

import pytest

from proxy.cli.remote import Remote
from proxy.errors import UserError

URL = "http://127.0.0.1:8001"


class Broken(io.BytesIO):
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

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    with pytest.raises(UserError, match=f"no tidegate up answers at {URL} .*name its admin address with --admin"):
        Remote(URL).apps()


def test_an_answer_that_breaks_off_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Broken())
    with pytest.raises(UserError, match="no tidegate up answers"):
        Remote(URL).apps()
    with pytest.raises(UserError, match=r"the connection to .* is lost"):
        list(Remote(URL).lines("/api/live"))


def test_the_key_is_taken_without_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[urllib.request.Request] = []

    def answer(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        asked.append(request)
        return io.BytesIO(b"[]")

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    Remote(URL, "secret\n").apps()
    assert asked[0].get_header("Authorization") == "Bearer secret"


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(UserError, match="the admin key has a character") as raised:
        Remote(URL, "se\ncret")
    assert "cret" not in str(raised.value)

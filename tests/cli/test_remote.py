from __future__ import annotations

import json
from email.message import Message
from io import BytesIO
from typing import NoReturn
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from proxy.cli.remote import Remote
from proxy.errors import UserError

NO_ADMIN_PORT = "http://127.0.0.1:8000 is no admin port: name the one that `tidegate up` printed with --admin"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (404, {"error": {"type": "app_not_found", "message": "no app is called x"}}, "no app is called x"),
        (400, {"error": {"type": "bad_request", "message": "give both"}}, "give both"),
        (404, {"error": {"type": "function_not_found", "message": "no function api"}}, NO_ADMIN_PORT),
        (404, {"detail": "Not Found"}, NO_ADMIN_PORT),
        (500, ["?"], "the admin port answered 500 to /api/apps"),
        (401, {}, "http://127.0.0.1:8000 wants its key: set TIDEGATE_ADMIN_KEY, or give --admin-key"),
    ],
)
def test_what_is_answered_instead_is_one_sentence(
    status: int, body: object, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Request, timeout: float) -> NoReturn:
        raise HTTPError(request.full_url, status, "", Message(), BytesIO(json.dumps(body).encode()))

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(UserError) as refused:
        Remote("http://127.0.0.1:8000").apps()
    assert str(refused.value) == sentence

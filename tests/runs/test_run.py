from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from proxy.runs import run as run_module
from proxy.runs.answer import Answer
from proxy.runs.body import Body, Room
from proxy.runs.inside import Inside, passed_on
from proxy.runs.run import Run
from tests.net.fakes import Table


class FakeResponse:
    """An answer as aiohttp's client shows it; `error` breaks it off after its body."""

    def __init__(self, status: int, body: bytes = b"", error: Exception | None = None, **headers: str) -> None:
        self.status = status
        self.content_type = "text/plain"
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.content = self
        self._body, self._error = body, error

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        yield self._body
        if self._error is not None:
            raise self._error

    async def __aenter__(self) -> FakeResponse:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class FakeInside:
    """Gives the answers one after another, and remembers how often it was asked."""

    def __init__(self, *answers: FakeResponse) -> None:
        self.answers = list(answers)
        self.asked = 0

    def ask(self, *_: object) -> FakeResponse:
        self.asked += 1
        return self.answers.pop(0)


def perform(inside: FakeInside) -> Answer:
    with Body(Room(), Path()) as body:
        run = Run("r", 0, Table().app.service, "POST", b"/f", (), body, None)
        return asyncio.run(run.perform(cast(Inside, inside)))


def test_run_waits_outside_of_a_full_queue() -> None:
    inside = FakeInside(FakeResponse(429, retry_after="0"), FakeResponse(200, b"done"))
    assert perform(inside) == Answer(200, "text/plain", b"done")


def test_app_that_says_too_many_requests_has_answered() -> None:
    inside = FakeInside(FakeResponse(429, b"no", x_tidegate_replica="demo-0"))
    assert perform(inside).status == 429


@pytest.mark.parametrize("error", [aiohttp.ClientPayloadError("cut"), ConnectionResetError("reset")])
def test_answer_that_breaks_off_is_no_answer(error: Exception) -> None:
    answer = perform(FakeInside(FakeResponse(200, b"half", error)))
    assert (answer.status, b"the answer broke off" in answer.body) == (502, True)


def test_answer_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "MAX_ANSWER_BYTES", 3)
    answer = perform(FakeInside(FakeResponse(200, b"four")))
    assert answer.status == 413


def test_app_gets_neither_the_secret_nor_what_was_for_one_connection() -> None:
    headers = {"Host": "a", "X-Webhook-Secret": "s", "Connection": "close", "X-Request-Id": "theirs", "Accept": "b"}
    assert passed_on(headers, "r") == [("Host", "a"), ("Accept", "b"), ("x-request-id", "r")]

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import aiohttp
import pytest

from proxy.runs.answer import Answer
from proxy.runs.webhook import Webhook, attempt

ANSWER = Answer(200, "application/json", b'{"result":1}')
NOW = datetime.fromtimestamp(1_700_000_000.9, UTC)


class Receiver:
    """Answers with what it is given, the last for ever; remembers when it was asked."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.posts = 0
        self.slept: list[float] = []

    async def post(self, headers: Mapping[str, str]) -> int:
        self.posts += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def outcome(self) -> dict[str, object]:
        return asyncio.run(attempt(self.post, dict, self.sleep))


@pytest.mark.parametrize(
    ("answers", "posts", "delivered"),
    [
        ([200], 1, True),
        ([204], 1, True),
        ([400], 1, False),
        ([410], 1, False),
        ([429], 1, False),
        ([500], 1, False),
        ([503], 1, False),
        ([404], 3, False),
        ([302], 3, False),
        ([404, 200], 2, True),
        ([aiohttp.ClientConnectionError("refused")], 3, False),
        ([TimeoutError(), OSError("no route"), 200], 3, True),
        ([UnicodeError("label empty or too long")], 3, False),  # of a host name that nobody can look up
    ],
)
def test_another_attempt_is_made_only_where_it_may_help(
    answers: list[int | Exception], posts: int, delivered: bool
) -> None:
    receiver = Receiver(*answers)
    outcome = receiver.outcome()
    assert (receiver.posts, outcome["attempts"], outcome["delivered"]) == (posts, posts, delivered)
    assert receiver.slept == [1.0, 5.0][: posts - 1]


def test_signature_is_over_id_timestamp_and_body() -> None:
    headers = Webhook("http://x", "secret").headers("r", ANSWER, NOW)
    expected = hmac.new(b"secret", b'r.1700000000.{"result":1}', hashlib.sha256).hexdigest()
    assert headers["X-Request-Id"] == "r"
    assert headers["X-Cerebrium-Webhook-Timestamp"] == "1700000000"
    assert headers["X-Cerebrium-Webhook-Signature"] == f"v1,{expected}"


def test_without_a_secret_nothing_is_signed() -> None:
    headers = Webhook("http://x", "").headers("r", ANSWER, NOW)
    assert set(headers) == {"Content-Type", "User-Agent", "X-Request-Id"}


class FakeSession:
    """Answers 302 once; remembers how it was asked."""

    status = 302

    def post(self, url: str, **how: object) -> FakeSession:
        self.how = how
        return self

    async def __aenter__(self) -> FakeSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        raise asyncio.CancelledError


def test_a_receiver_cannot_send_the_answer_elsewhere() -> None:
    session = FakeSession()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Webhook("http://x", "").deliver(cast(aiohttp.ClientSession, session), "r", ANSWER))
    assert session.how["allow_redirects"] is False
    assert session.how["data"] == ANSWER.body

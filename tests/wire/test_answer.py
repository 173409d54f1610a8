from __future__ import annotations

import json

import pytest

from proxy.errors import AnswerError, MethodNotAllowed, QueueFull, Unauthorized
from proxy.wire.answer import error_answer, options_answer


def test_an_error_is_the_json_that_openai_clients_print() -> None:
    head, _, body = error_answer(QueueFull("all busy", 7), b"id-1", keep_alive=True).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 429 Too Many Requests"
    assert {b"retry-after: 7", b"connection: keep-alive", b"x-request-id: id-1"} < set(lines)
    assert b"content-length: %d" % len(body) in lines
    assert json.loads(body) == {"error": {"type": "queue_full", "message": "all busy", "request_id": "id-1"}}


def test_head_gets_the_head_of_it() -> None:
    answer = error_answer(QueueFull("all busy"), b"id", keep_alive=False, head_only=True)
    assert answer.endswith(b"connection: close\r\n\r\n")
    assert b"content-length: 0" not in answer


@pytest.mark.parametrize(
    ("error", "field"),
    [(Unauthorized("x"), b'www-authenticate: Bearer realm="tidegate"'), (MethodNotAllowed("x"), b"allow: GET")],
)
def test_some_statuses_come_with_their_field(error: AnswerError, field: bytes) -> None:
    assert field in error_answer(error, b"id", keep_alive=True)


def test_options_is_answered_with_the_methods() -> None:
    answer = options_answer(b"id", keep_alive=False)
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\nallow: GET, ")
    assert answer.endswith(b"connection: close\r\n\r\n")

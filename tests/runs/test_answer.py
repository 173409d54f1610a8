from __future__ import annotations

import pytest

from proxy.errors import ReplicaFailed
from proxy.runs.answer import Answer


@pytest.mark.parametrize(
    ("status", "body", "view"),
    [
        (200, b'{"run_id":"r","run_time_ms":1,"result":2}', {"run_id": "r", "run_time_ms": 1, "result": 2}),
        (200, b'{"run_id":"another","result":2}', {"result": {"run_id": "another", "result": 2}}),
        (200, b'{"choices":[]}', {"result": {"choices": []}}),
        (200, b"[1]", {"result": [1]}),
        (200, b"text", {"result": "text"}),
        (200, b"\xff", {"result": "/w=="}),
        (200, b'{"error":{"type":"x"}}', {"result": {"error": {"type": "x"}}}),
        (502, b'{"error":{"type":"x"}}', {"error": {"type": "x"}}),
    ],
)
def test_answer_is_seen_as_what_it_means(status: int, body: bytes, view: dict[str, object]) -> None:
    assert Answer(status, "application/json", body).view("r") == view


def test_error_of_ours_is_an_answer_too() -> None:
    answer = Answer.of(ReplicaFailed("it broke"), "r")
    assert answer.status == 502
    assert answer.view("r") == {"error": {"type": "replica_failed", "message": "it broke", "request_id": "r"}}

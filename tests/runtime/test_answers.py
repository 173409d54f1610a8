from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import BaseModel

from runtime.answers import error_frame, error_json, frame, status_of, to_json


class Box(BaseModel):
    at: datetime


@dataclass
class Point:
    x: int


class Tensor:
    def tolist(self) -> list[int]:
        return [1, 2]


@pytest.mark.parametrize(
    ("value", "json"),
    [
        ({"a": 1.5}, b'{"a":1.5}'),
        (Box(at=datetime(2024, 1, 2, tzinfo=UTC)), b'{"at":"2024-01-02T00:00:00Z"}'),
        (Point(3), b'{"x":3}'),
        (datetime(2024, 1, 2, tzinfo=UTC), b'"2024-01-02T00:00:00+00:00"'),
        (b"\xff\x00", b'"/wA="'),
        ({1}, b"[1]"),
        (Tensor(), b"[1,2]"),
        ({1: "key"}, b'{"1":"key"}'),
        (
            {"score": np.float32(0.5), "label": np.int64(3), "sure": np.bool_(True)},
            b'{"score":0.5,"label":3,"sure":true}',
        ),
        (np.array([[1, 2], [3, 4]]), b"[[1,2],[3,4]]"),
        (np.array([[1, 2], [3, 4]]).T, b"[[1,3],[2,4]]"),
        (np.float16(1.5), b"1.5"),
    ],
)
def test_results_become_json(value: object, json: bytes) -> None:
    assert to_json(value) == json


def test_result_without_a_json_form_is_named() -> None:
    with pytest.raises(TypeError, match="object"):
        to_json({"a": object()})


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"status_code": 418}, 418),
        ({"status_code": 204}, 204),
        ({"status_code": 100}, 200),
        ({"status_code": 600}, 200),
        ({"status_code": "404"}, 200),
        ({"status_code": True}, 200),
        ({}, 200),
        ("text", 200),
    ],
)
def test_only_a_final_status_code_in_a_dict_sets_the_status(result: object, status: int) -> None:
    assert status_of(result) == status


@pytest.mark.parametrize(
    ("item", "event"),
    [
        ("token", b"data: token\n\n"),
        (" spaced", b"data:  spaced\n\n"),
        ("two\nlines\r\nthree", b"data: two\ndata: lines\ndata: three\n\n"),
        ("\n", b"data: \ndata: \n\n"),
        ("", b"data: \n\n"),
        (b"bytes", b"data: bytes\n\n"),
        (b"\xff\x00", b'data: "/wA="\n\n'),
        ({"a": 1}, b'data: {"a":1}\n\n'),
        ("event: x", b"data: event: x\n\n"),
        ("data: as it is", b"data: as it is\n\n"),
        ("data: as it is\n", b"data: as it is\n\n"),
        ("data: as it is\r\n\r\n", b"data: as it is\r\n\r\n"),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
    ],
)
def test_every_item_is_one_whole_event(item: object, event: bytes) -> None:
    assert frame(item) == event


def test_error_survives_a_message_that_is_not_unicode() -> None:
    body = error_json("r", "ValueError", "\ud800")
    assert body == b'{"run_id":"r","error":{"type":"ValueError","message":"?"}}'
    assert error_frame(body) == b"event: error\ndata: " + body + b"\n\n"

from __future__ import annotations

import pytest

from runtime import Response


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"x", "application/octet-stream"),
        ("x", "text/plain; charset=utf-8"),
        ({"a": 1}, "application/json"),
        (iter([b"x"]), "application/octet-stream"),
    ],
)
def test_media_type_follows_from_the_body(body: object, media_type: str) -> None:
    assert Response(body).media_type == media_type
    assert Response(body, media_type="image/png").media_type == "image/png"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"status": 199}, "status is 199: give a number from 200 to 599"),
        ({"headers": {"x": "a\r\nb: c"}}, "header 'x' cannot be sent"),
        ({"headers": {"a b": "c"}}, "header 'a b' cannot be sent"),
        ({"media_type": "a\r\nb"}, "header 'content-type' cannot be sent"),
        ({"headers": {"Content-Length": "1"}}, "header 'content-length' is the server's"),
    ],
)
def test_what_cannot_be_sent_is_refused_where_it_is_made(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Response("x", **wrong)  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_never_has_a_body_has_no_stream(status: int) -> None:
    assert Response(status=status).status == status
    with pytest.raises(ValueError, match=f"status {status} never has a body, so nothing can be streamed"):
        Response(iter([b"x"]), status)

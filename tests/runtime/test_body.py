from __future__ import annotations

import pytest

from proxy.errors import BadRequest
from runtime.body import given_arguments

FORM = b"multipart/form-data; boundary=b"


def part(name: str, value: bytes, extra: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


@pytest.mark.parametrize(
    "content_type", [b"", b"application/json", b"text/plain", b"application/x-www-form-urlencoded"]
)
def test_body_is_json_for_a_function_that_takes_no_bytes(content_type: bytes) -> None:
    assert given_arguments(content_type, bytearray(b'{"a":1}'), None) == {"a": 1}
    with pytest.raises(BadRequest):
        given_arguments(content_type, bytearray(b"\xff"), None)


@pytest.mark.parametrize(
    "content_type", [b"image/png", b"application/octet-stream", b"", b"application/x-www-form-urlencoded"]
)
def test_body_that_is_not_json_goes_to_the_parameter_that_takes_bytes(content_type: bytes) -> None:
    assert given_arguments(content_type, bytearray(b"\x89PNG"), "image") == {"image": b"\x89PNG"}


def test_json_by_its_type_or_by_its_look_is_json_for_a_function_that_takes_bytes_too() -> None:
    body = bytearray(b'{"image": "x"}')
    assert given_arguments(b"application/json; charset=utf-8", body, "image") == {"image": "x"}
    assert given_arguments(b"application/x-www-form-urlencoded", body, "image") == {"image": "x"}
    assert given_arguments(b"application/octet-stream", body, "image") == {"image": bytes(body)}
    with pytest.raises(BadRequest):
        given_arguments(b"application/json", bytearray(b"\x89PNG"), "image")


def test_form_has_files_as_bytes_fields_as_text_and_repeated_ones_as_lists() -> None:
    body = part("image", b"\x89PNG\r\n", '; filename="a.png"') + part("top", b"3")
    body += part("tag", b"a") + part("tag", "ü".encode()) + b"--b--\r\n"
    fields = given_arguments(FORM, bytearray(body), None)
    assert fields == {"image": b"\x89PNG\r\n", "top": "3", "tag": ["a", "ü"]}


def test_large_file_stays_in_memory() -> None:
    body = part("image", b"x" * 3_000_000, '; filename="a"') + b"--b--\r\n"
    assert given_arguments(FORM, bytearray(body), None) == {"image": b"x" * 3_000_000}


@pytest.mark.parametrize(
    ("content_type", "body"), [(b"multipart/form-data", b""), (FORM, b"--c\r\n"), (FORM, part("a", b"1")), (FORM, b"")]
)
def test_form_that_is_broken_is_refused(content_type: bytes, body: bytes) -> None:
    with pytest.raises(BadRequest, match="The form cannot be read"):
        given_arguments(content_type, bytearray(body), None)

"""Results as bytes: JSON bodies and server-sent events."""

from __future__ import annotations

import base64
import re
from typing import Final

import orjson

LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
BLANK_LINE: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")


def to_json(value: object) -> bytes:
    """Encode a result; raises TypeError naming a type that has no JSON form."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, set | frozenset):
        return list(value)
    if (model_dump := getattr(value, "model_dump", None)) is not None:  # a pydantic model
        return model_dump(mode="json")
    if (tolist := getattr(value, "tolist", None)) is not None:  # a tensor, or an array that orjson leaves to us
        return tolist()
    raise TypeError  # orjson's own message names the type


def content(value: object) -> bytes:
    """The body of a Response, or one piece of it: bytes and text as they are, anything else as JSON."""
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else to_json(value)


def error_json(run_id: str, error_type: str, message: str) -> bytes:
    """The one shape of every error body; a lone surrogate in a message becomes a question mark."""
    text = message.encode(errors="replace").decode()
    return orjson.dumps({"run_id": run_id, "error": {"type": error_type, "message": text}})


def status_of(result: object) -> int:
    """The status a returned dict asks for in `status_code`; 1xx cannot end an answer, so it is not one."""
    status = result.get("status_code") if isinstance(result, dict) else None
    return status if type(status) is int and 200 <= status <= 599 else 200


def frame(item: object) -> bytes:
    """One yielded item as a server-sent event (HTML standard, section 9.2)."""
    text = _text(item)
    if not text.startswith(b"data:"):
        return b"".join(b"data: %b\n" % line for line in LINE_END.split(text)) + b"\n"
    return text if text.endswith(BLANK_LINE) else text.rstrip(b"\r\n") + b"\n\n"


def _text(item: object) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes) and _is_utf8(item):
        return item
    return to_json(item)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def error_frame(body: bytes) -> bytes:
    """The last event of a stream that failed."""
    return b"event: error\ndata: %b\n\n" % body

"""The body of a request, as the arguments it stands for."""

from __future__ import annotations

from typing import Final

import orjson

from proxy.errors import BadRequest
from runtime.form import form_fields

# What curl says of any -d, and what a client says that says nothing.
_UNSAID: Final = frozenset((b"", b"application/x-www-form-urlencoded"))


def given_arguments(content_type: bytes, body: bytearray, raw: str | None) -> dict[str, object]:
    """Arguments by parameter; `raw` is the one that takes a body that is not JSON. Raises BadRequest."""
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type == b"multipart/form-data":
        return form_fields(content_type, body)
    if raw is None or media_type == b"application/json" or media_type.endswith(b"+json"):
        return _json_object(body)
    if media_type in _UNSAID:
        try:
            return _json_object(body)
        except BadRequest:  # so it is not JSON that was meant
            pass
    return {raw: bytes(body)}


def _json_object(body: bytearray) -> dict[str, object]:
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body has to be a JSON object: its keys are the function's parameters.")
    return value

"""Forms (multipart/form-data, RFC 7578): files as bytes, fields as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from proxy.errors import BadRequest

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File

_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": math.inf}  # the body, of which a file is a part, is there already


def form_fields(content_type: bytes, body: bytearray) -> dict[str, object]:
    """Values by name; one that comes several times is a list of them. Raises BadRequest."""
    # Here and not above: most servers never see a form. This module itself has to be imported at the start, since later
    # `runtime` may be a file of the user's.
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import FormParser, parse_options_header

    _, options = parse_options_header(content_type)
    fields: dict[str, list[object]] = {}

    def on_field(field: Field) -> None:
        fields.setdefault(_text(field.field_name), []).append(_text(field.value))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        fields.setdefault(_text(file.field_name), []).append(file.file_object.read())

    ended = False

    def on_end() -> None:
        nonlocal ended
        ended = True

    try:
        form = FormParser(
            "multipart/form-data", on_field, on_file, on_end, boundary=options.get(b"boundary"), config=_IN_MEMORY
        )
        form.write(bytes(body))
        form.finalize()
    except (FormParserError, UnicodeDecodeError) as error:
        raise BadRequest(f"The form cannot be read: {error}.") from None
    if not ended:
        raise BadRequest("The form cannot be read: its closing boundary is missing.")
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _text(value: bytes | None) -> str:
    return (value or b"").decode()

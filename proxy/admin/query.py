"""What a query says, as values."""

from __future__ import annotations

import re

from aiohttp import web

from proxy.errors import BadRequest

# More digits than any count needs, and fewer than int() refuses to read.
_NUMBER = re.compile(r"[0-9]{1,9}")


def count(request: web.Request, name: str, default: int, most: int | None = None) -> int:
    """A whole number from 1 to `most`; raises BadRequest."""
    text = request.query.get(name, str(default))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= (most or int(text)):
        end = "on" if most is None else f"to {most}"
        raise BadRequest(f"{name} must be a whole number from 1 {end}, not {text}")
    return int(text)

"""Who may change something through the admin port: no web page of somebody else's in the operator's browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.errors import Forbidden

_READING = frozenset(("GET", "HEAD", "OPTIONS"))


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a browser sends for a page of another origin; programs name no origin (Fetch standard, 3.2).

    Raises Forbidden.
    """
    origin = request.headers.get("origin")
    if request.method in _READING or origin is None or urlsplit(origin).netloc == request.host:
        return await handler(request)
    message = f"a page of {origin} may not change anything here"
    raise Forbidden(message)

"""Who may use the admin port, key or not: no web page of somebody else's in the operator's browser, and no webhook."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.errors import Forbidden

# What webhooks call themselves: they go wherever clients of the data port want them to.
WEBHOOK = "tidegate-webhook"
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
# For programs, which may know this machine by any name, and telling little.
_OPEN = frozenset(("/healthz", "/readyz", "/metrics"))


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a browser sends for a page of another origin; programs name no origin (Fetch standard, 3.2).

    Raises Forbidden.
    """
    if request.method in _READING:
        return await handler(request)
    if request.headers.get("user-agent") == WEBHOOK:
        raise Forbidden("a webhook may not change anything here")
    origin = request.headers.get("origin")
    if origin is None or origin.partition("://")[2] == request.host:
        return await handler(request)
    message = f"a page of {origin} may not change anything here"
    raise Forbidden(message)


@web.middleware
async def known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a host name that its owner can let mean this machine: to a browser his page then is of our origin.

    For a port that asks for no key. Raises Forbidden.
    """
    host = request.headers.get("host")
    if host is None or request.path in _OPEN or _is_ours(host):
        return await handler(request)
    raise Forbidden(f"without a key the admin port is not known as {host}: say localhost, or set TIDEGATE_ADMIN_KEY")


def _is_ours(host: str) -> bool:
    """An address, or a name that every browser takes for this machine (RFC 6761, section 6.3)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False

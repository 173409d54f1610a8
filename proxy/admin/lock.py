"""Who may use an admin port with a key: programs that send it, and browsers that got a cookie for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.admin.page import FOLDER, HEADERS
from proxy.errors import Forbidden, Unauthorized

# For orchestrators, which have no key, and tell nothing.
_OPEN = frozenset(("/healthz", "/readyz"))
_COOKIE = "tidegate_session"
_SESSION_SECONDS = 12 * 3600
_SCHEME = "bearer "


class Lock:
    """`secure`: the port speaks TLS, so the cookie may go nowhere else.

    A session is its end and an HMAC of that: it needs no memory, and another key ends them all.
    """

    def __init__(self, key: str, secure: bool) -> None:
        self._key = key.encode()
        self._secure = secure
        self._page = (FOLDER / "login.html").read_text(encoding="utf-8")
        style = self._page.partition("<style>")[2].partition("</style>")[0].encode()
        allowed = f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'"
        policy = f"default-src 'none'; style-src {allowed}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        # Without a referrer a form has no origin either (Fetch standard, 3.2), and the origin is looked at.
        ours = {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "same-origin"}
        self._headers = {**HEADERS, **ours}

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Raises Unauthorized and Forbidden."""
        login = (request.method, request.path) == ("POST", "/login")
        if request.path in _OPEN or login or self._opened(request):
            return await handler(request)
        if request.path == "/":
            return self._form(401, "")
        raise Unauthorized("the admin port needs its key: send it as Authorization: Bearer KEY")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """What the form sends."""
        try:
            given = (await request.post()).get("key", "")
        except (ValueError, LookupError):  # a character set that it is not in, or that does not exist
            given = ""
        if not isinstance(given, str) or not self._fits(given):
            return self._form(403, "This is not the admin key.")
        answer = web.Response(status=303, headers={"location": "/"})
        answer.set_cookie(_COOKIE, self._session(), httponly=True, samesite="Strict", secure=self._secure)
        return answer

    def _opened(self, request: web.Request) -> bool:
        authorization = request.headers.get("authorization", "")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return self._lasts(request.cookies.get(_COOKIE, ""))
        if not self._fits(authorization[len(_SCHEME) :].strip()):
            raise Forbidden("this is not the admin key")
        return True

    def _fits(self, key: str) -> bool:
        """In constant time, also for keys of another length."""
        given = key.encode(errors="surrogateescape")
        return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(self._key).digest())

    def _session(self) -> str:
        end = str(int(datetime.now(UTC).timestamp()) + _SESSION_SECONDS)
        return f"{end}.{self._signed(end)}"

    def _lasts(self, session: str) -> bool:
        end, _, signature = session.partition(".")
        signed = hmac.compare_digest(self._signed(end).encode(), signature.encode(errors="surrogateescape"))
        return signed and datetime.now(UTC).timestamp() < int(end)

    def _signed(self, end: str) -> str:
        message = f"tidegate dashboard until {end}".encode(errors="surrogateescape")
        return hmac.digest(self._key, message, "sha256").hex()

    def _form(self, status: int, message: str) -> web.Response:
        headers = {**self._headers, "www-authenticate": 'Bearer realm="tidegate"'} if status == 401 else self._headers
        text = self._page.replace("{message}", message)
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

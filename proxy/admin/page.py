"""The dashboard's files, as they are in the folder `page`; they ask for nothing from anywhere else."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from proxy.errors import AppNotFound

FOLDER = Path(__file__).with_name("page")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Page:
    """Holds the files in memory: they are few and small."""

    def __init__(self) -> None:
        self._files = {
            path.name: path.read_bytes()
            for path in FOLDER.iterdir()
            if path.suffix in _TYPES and path.name != "login.html"
        }

    async def index(self, _: web.Request) -> web.Response:
        return self._file("index.html")

    async def file(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["file"])

    def _file(self, name: str) -> web.Response:
        """Raises AppNotFound."""
        if name not in self._files:
            raise AppNotFound(f"the dashboard has no file {name}")
        kind = _TYPES[Path(name).suffix]
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8", headers=HEADERS)

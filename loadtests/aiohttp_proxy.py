"""A reverse proxy as one writes it with aiohttp: one shared session, bodies streamed both ways, under uvloop.

Usage: aiohttp_proxy.py PORT BACKEND_PORT
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


def end_to_end(fields: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in fields.items() if name.lower() not in HOP_BY_HOP)


class Forwarder:
    """Sends each request to the backend and its answer back."""

    def __init__(self, session: aiohttp.ClientSession, backend: str) -> None:
        self._session = session
        self._backend = backend

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        fields = end_to_end(request.headers)
        fields.add("x-forwarded-for", request.remote or "")
        body = request.content if request.body_exists else None
        url = self._backend + request.raw_path
        async with self._session.request(
            request.method, url, headers=fields, data=body, allow_redirects=False
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers=end_to_end(answer.headers))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


async def serve(port: int, backend_port: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        forwarder = Forwarder(session, f"http://127.0.0.1:{backend_port}")
        runner = web.ServerRunner(web.Server(forwarder, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))

"""How the admin port says things: documents as JSON, refusals in one sentence."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.admin.mark import FIELD
from proxy.errors import AnswerError


def json_response(document: Any, status: int = 200) -> web.Response:  # Any: whatever JSON can say
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


@web.middleware
async def sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is refused with its status, type and sentence."""
    try:
        return await handler(request)
    except AnswerError as error:
        answer = json_response({"error": {"type": error.type, "message": str(error)}}, status=error.status)
        if error.status == 401:
            answer.headers["www-authenticate"] = 'Bearer realm="tidegate"'
        return answer
    except web.HTTPError as error:  # the library's own: no such path, another method, too large
        kind, message = error.reason.lower().replace(" ", "_"), f"{request.method} {request.path}: {error.reason}"
        answer = json_response({"error": {"type": kind, "message": message}}, status=error.status)
        if "allow" in error.headers:
            answer.headers["allow"] = error.headers["allow"]
        return answer


async def mark(_: web.Request, response: web.StreamResponse) -> None:
    """For whoever takes another port for this one."""
    response.headers[FIELD] = "1"

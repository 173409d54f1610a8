"""Requests become calls of the functions of main.py, and what they return becomes answers."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
import time
import traceback
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

import orjson

from proxy.errors import AnswerError, BadRequest
from runtime import answers
from runtime.errors import FunctionNotFound, NotReady, WrongMethod
from runtime.exchange import Reply, Request
from runtime.threads import Threads

if TYPE_CHECKING:  # it imports pydantic, which may take longer than opening the port
    from runtime.functions import Function

SANE_ID = re.compile(rb"[!-~]{1,128}")
# A function that calls sys.exit or cancels itself fails alone: the server goes on.
FAILURES = (Exception, SystemExit, asyncio.CancelledError)


class Calls:
    """Answers every request; knows whether main.py has been loaded and whether the end has begun."""

    def __init__(self, threads: Threads) -> None:
        self.functions: Mapping[str, Function] | None = None
        self.draining = False
        self._threads = threads

    async def respond(self, request: Request, reply: Reply) -> None:
        """Answer `request`; whatever a function raises ends here."""
        run_id = _run_id(request)
        try:
            await self._answer(request, reply, run_id)
        except AnswerError as error:
            fields = ("allow: POST",) if error.status == WrongMethod.status else ()
            reply.whole(error.status, answers.error_json(run_id, error.type, str(error)), *fields)
        except FAILURES as error:
            if request.abandoned and isinstance(error, asyncio.CancelledError):
                raise
            sys.stderr.write(f"Run {run_id} of {request.path} failed.\n{traceback.format_exc()}")
            if not request.abandoned:
                await _fail(reply, answers.error_json(run_id, type(error).__name__, str(error)))

    async def _answer(self, request: Request, reply: Reply, run_id: str) -> None:
        body = await request.body()
        if request.path in ("/health", "/ready") and request.method in ("GET", "HEAD"):
            self._answer_probe(request.path, reply)
            return
        function, suffix = self._find(request)
        args, kwargs = function.arguments(_json_object(body), run_id)
        started = time.perf_counter()
        result = await self._call(function, args, kwargs)
        if isinstance(result, Iterator | AsyncIterator):
            await self._stream(result, reply)
            return
        run_time_ms = round((time.perf_counter() - started) * 1000, 3)
        answer = result if suffix else {"run_id": run_id, "run_time_ms": run_time_ms, "result": result}
        reply.whole(answers.status_of(result), answers.to_json(answer))

    def _answer_probe(self, path: str, reply: Reply) -> None:
        if path == "/health":
            reply.whole(200, b'{"healthy":true}')
        elif self.draining:
            reply.whole(503, b'{"ready":false,"reason":"draining"}')
        elif self.functions is None:
            reply.whole(503, b'{"ready":false,"reason":"main.py is still loading"}')
        else:
            reply.whole(200, b'{"ready":true}')

    def _find(self, request: Request) -> tuple[Function, str]:
        if self.functions is None:
            raise NotReady("main.py is still loading.")
        name, _, suffix = request.path.removeprefix("/").partition("/")
        function = self.functions.get(name)
        if function is None:
            raise FunctionNotFound(f"main.py has no function named {name!r} that can be called.")
        if request.method != "POST":
            raise WrongMethod(f"Call {name} with POST, not {request.method}.")
        return function, suffix

    async def _call(self, function: Function, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        if function.on_loop:
            result = function.call(*args, **kwargs)
        else:
            result = await self._threads.call(function.call, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def _stream(self, result: Iterator[object] | AsyncIterator[object], reply: Reply) -> None:
        items = _items(result) if isinstance(result, AsyncIterator) else self._threads.items(result)
        async with aclosing(items):
            async for item in items:
                await reply.frame(answers.frame(item))
        reply.end()


async def _items(source: AsyncIterator[object]) -> AsyncGenerator[object, None]:
    try:
        async for item in source:
            yield item
    finally:
        if (aclose := getattr(source, "aclose", None)) is not None:
            await aclose()


async def _fail(reply: Reply, body: bytes) -> None:
    """A stream that has begun ends with an event and a cut, so that it never looks complete."""
    if reply.started:
        await reply.frame(answers.error_frame(body))
    else:
        reply.whole(500, body)


def _run_id(request: Request) -> str:
    given = request.headers.get(b"x-request-id", b"")
    return given.decode("ascii") if SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _json_object(body: bytearray) -> dict[str, object]:
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body has to be a JSON object: its keys are the function's parameters.")
    return value

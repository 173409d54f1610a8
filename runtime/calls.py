"""Requests become calls of the functions of main.py, and what they return becomes answers."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import sys
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from types import NoneType
from typing import TYPE_CHECKING, Final

from proxy.errors import AnswerError
from runtime import answers, stream
from runtime.body import given_arguments
from runtime.errors import FunctionNotFound, NotReady, WrongMethod
from runtime.exchange import Reply, Request
from runtime.journal import Journal
from runtime.output import RUN, Run, end_output
from runtime.response import Response
from runtime.threads import Threads

if TYPE_CHECKING:  # it imports pydantic, which may take longer than opening the port
    from runtime.functions import Function

SANE_ID: Final = re.compile(rb"[A-Za-z0-9._:@/+=\-]{1,128}")
# A function that calls sys.exit or cancels itself fails alone: the server goes on.
# What needs no closer look: neither a stream nor to be awaited.
PLAIN: Final = frozenset((NoneType, bool, bytes, dict, float, int, list, str))
FAILURES: Final = (Exception, SystemExit, asyncio.CancelledError)


class Calls:
    """Answers every request; knows whether main.py has been loaded and whether the end has begun."""

    def __init__(self, threads: Threads, journal: Journal) -> None:
        self.functions: Mapping[str, Function] | None = None
        self.draining = False
        self._threads = threads
        self._journal = journal

    async def respond(self, request: Request, reply: Reply) -> None:
        """Answer `request`; whatever a function raises ends here."""
        run = Run(_run_id(request))
        RUN.set(run)  # for this task, and so for all that it calls
        try:
            await self._answer(request, reply, run.id)
        except AnswerError as error:
            fields = ("allow: POST",) if error.status == WrongMethod.status else ()
            reply.whole(error.status, answers.error_json(run.id, error.type, str(error)), *fields)
        except FAILURES as error:
            if request.abandoned and isinstance(error, asyncio.CancelledError):
                raise
            sys.stderr.write(f"Run {run.id} of {request.shown} failed.\n{traceback.format_exc()}")
            if not request.abandoned:
                await _fail(reply, answers.error_json(run.id, type(error).__name__, str(error)))
        finally:
            if run.begun:
                end_output(run)

    async def _answer(self, request: Request, reply: Reply, run_id: str) -> None:
        body = await request.body()
        if request.method in ("GET", "HEAD") and request.path in ("/health", "/ready"):
            self._answer_probe(request.path, reply)
            return
        function, suffix = self._find(request)
        if self._journal.requests:
            self._journal.request(run_id, f"{request.method} {request.shown}", body)
        given = given_arguments(request.headers.get(b"content-type", b""), body, function.raw)
        args, kwargs = function.arguments(given, run_id)
        started = time.perf_counter()
        result = await self._call(function, args, kwargs)
        if type(result) in PLAIN:
            self._whole(result, reply, run_id, started, suffix)
        elif isinstance(result, Response):
            await self._send(result, reply, run_id, started)
        elif isinstance(result, Iterator | AsyncIterator):
            await self._stream(result, reply, run_id, started)
        else:
            self._whole(result, reply, run_id, started, suffix)

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
        return await result if type(result) not in PLAIN and inspect.isawaitable(result) else result

    def _whole(self, result: object, reply: Reply, run_id: str, started: float, suffix: str) -> None:
        run_time_ms = round((time.perf_counter() - started) * 1000, 3)
        answer = result if suffix else {"run_id": run_id, "run_time_ms": run_time_ms, "result": result}
        status, content = answers.status_of(result), answers.to_json(answer)
        reply.whole(status, content)
        self._journal.response(run_id, status, run_time_ms, content)

    async def _send(self, response: Response, reply: Reply, run_id: str, started: float) -> None:
        if isinstance(response.body, Iterator | AsyncIterator):
            reply.begin_stream(response.status, response.media_type, *response.fields)
            await self._stream(response.body, reply, run_id, started)
            return
        content = answers.content(response.body)
        reply.whole(response.status, content, *response.fields, media_type=response.media_type)
        self._journal.response(run_id, response.status, (time.perf_counter() - started) * 1000, content)

    async def _stream(
        self, result: Iterator[object] | AsyncIterator[object], reply: Reply, run_id: str, started: float
    ) -> None:
        encode = answers.content if reply.started and not reply.events else answers.frame
        if isinstance(result, AsyncIterator):
            items = stream.on_loop(result)
        else:
            items = stream.in_threads(self._threads, result)
        count = 0
        async with aclosing(items):
            async for item in items:
                await reply.frame(encode(item))
                count += 1
        reply.end()
        self._journal.stream(run_id, count, (time.perf_counter() - started) * 1000)


async def _fail(reply: Reply, body: bytes) -> None:
    """A stream that has begun ends with a cut, so that it never looks complete; events end with one that says why."""
    if reply.events:
        await reply.frame(answers.error_frame(body))
    elif not reply.started:
        reply.whole(500, body)


def _run_id(request: Request) -> str:
    given = request.headers.get(b"x-request-id", b"")
    return given.decode("ascii") if SANE_ID.fullmatch(given) else os.urandom(16).hex()

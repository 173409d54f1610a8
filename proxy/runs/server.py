"""The server behind the door: takes runs, tells what became of them, and passes answers on to webhooks."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack

import aiohttp
import orjson
from aiohttp import web

from proxy.config.state import state_folder
from proxy.errors import AnswerError, AppNotFound, NoReplica, QueueFull, ReplicaFailed
from proxy.net.service import Service
from proxy.runs.answer import MAX_ANSWER_BYTES, Answer
from proxy.runs.body import MAX_BODY_BYTES, Body, Room
from proxy.runs.inside import Inside, InsideSite, passed_on
from proxy.runs.order import Order, read_order
from proxy.runs.run import Run
from proxy.runs.store import Store
from proxy.runs.webhook import Webhook
from proxy.wire.answer import CONTINUE

# What came through the data port passes here.
MAX_HEAD_BYTES = 1 << 20
_LEAST_RUNS = 1
# Said by the listener that the answer goes through, too, or only for one connection.
_NOT_RETURNED = frozenset(
    (
        "connection",
        "content-length",
        "keep-alive",
        "server-timing",
        "transfer-encoding",
        "x-request-id",
        "x-tidegate-replica",
    )
)

log = logging.getLogger("tidegate.runs")


class RunNotFound(AnswerError):
    status, type = 404, "run_not_found"


async def open_server(
    services: Sequence[Service], site: InsideSite, tasks: asyncio.TaskGroup, scheme: bytes
) -> RunServer:
    """Raises UserError, OSError or sqlite3.Error."""
    server = RunServer(services, Inside(site, tasks, scheme), tasks, site.word)
    await server.open()
    return server


class RunServer:
    """`word`: what the target of every request begins with, so that only this process can ask."""

    def __init__(self, services: Sequence[Service], inside: Inside, tasks: asyncio.TaskGroup, word: str) -> None:
        self.port = 0
        self._services = services
        self._word = word
        self._inside = inside
        self._tasks = tasks
        self._folder = state_folder()
        self._store = Store(self._folder)
        self._room = Room()
        self._running: set[asyncio.Task[None]] = set()
        self.ended: Callable[[], None] = lambda: None  # a run, or a webhook
        self._present: Counter[Service] = Counter()
        server = web.Server(
            self._handle,
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            max_line_size=MAX_HEAD_BYTES,
            max_field_size=MAX_HEAD_BYTES,
        )
        self._runner = web.ServerRunner(server)

    async def open(self) -> None:
        async with AsyncExitStack() as opened:
            opened.push_async_callback(self._inside.close)
            await self._store.open()
            opened.push_async_callback(self._store.close)
            await self._inside.open()
            opened.push_async_callback(self._runner.cleanup)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
            self._opened = opened.pop_all()
        self.port = self._runner.addresses[0][1]

    @property
    def busy(self) -> bool:
        return bool(self._running)

    async def drain(self) -> None:
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self._opened.aclose()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = request.headers.get("x-request-id", "")
        try:
            return await self._answer(request, request_id)
        except AnswerError as error:
            again = error.retry_after_seconds
            headers = None if again is None else {"retry-after": str(again)}
            body = orjson.dumps(error.document(request_id))
            return web.Response(body=body, status=error.status, headers=headers, content_type="application/json")

    async def _answer(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        word, _, rest = request.raw_path.removeprefix("/").partition("/")
        number, _, target = rest.partition("/")
        if word != self._word or not number.isdecimal() or int(number) >= len(self._services):
            raise AppNotFound("no app here matches this request")
        found = int(number), self._services[int(number)]
        order = read_order(f"/{target}".encode("latin-1"))
        if order is None:
            return await self._view(target.partition("?")[0].rpartition("/")[2], found[1])
        order.check()
        if order.later:
            self._check_room(found[1])
        body = await self._body(request, found[1])
        run = self._run(request, order, found, body, os.urandom(16).hex() if order.later else request_id)
        if order.later:
            await self._begin(run)
            return web.json_response({"run_id": run.id}, status=202)
        return await self._relay(request, run)

    async def _view(self, run_id: str, service: Service) -> web.Response:
        row = await self._store.find(run_id, service.name)
        if row is None:
            raise RunNotFound(f"there is no run {run_id}: it never was, or is too old to be kept")
        return web.Response(body=orjson.dumps(row.view()), content_type="application/json")

    def _check_room(self, service: Service) -> None:
        """As many as could wait in the queue and have a slot: more would be kept without bound."""
        pool = service.pool
        if self._present[service] >= max(_LEAST_RUNS, pool.queue.limit + sum(replica.limit for replica in pool)):
            raise QueueFull("too many asynchronous runs wait already", pool.retry_after_seconds())

    async def _body(self, request: web.BaseRequest, service: Service) -> Body:
        """All of it. Raises BodyTooLarge, NoReplica."""
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(CONTINUE)
        body = Body(self._room, self._folder)
        try:
            await body.fill(request, service.max_body_bytes or MAX_BODY_BYTES)
        except BaseException:  # also when its client leaves
            body.close()
            raise
        return body

    def _run(self, request: web.BaseRequest, order: Order, found: tuple[int, Service], body: Body, run_id: str) -> Run:
        secret = request.headers.get("x-webhook-secret", "")
        webhook = Webhook(order.webhook, secret) if order.webhook else None
        number, service = found
        headers = passed_on(request.headers, run_id)
        return Run(run_id, number, service, request.method, order.target, headers, body, webhook)

    # A client that does not wait

    async def _begin(self, run: Run) -> None:
        """Return when the run is kept, and so promised; it is made even if its client has left by then."""
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._present[run.service] += 1
        task = self._own(self._perform(run, begun))
        task.add_done_callback(lambda _: self._present.subtract({run.service: 1}))
        await asyncio.shield(begun)

    async def _perform(self, run: Run, begun: asyncio.Future[None]) -> None:
        try:
            with run.body:
                await self._store.begin(run.id, run.service.name)
                begun.set_result(None)
                answer = await run.perform(self._inside)
            await self._store.end(run.id, run.service.name, answer)
            if run.webhook is not None:
                await self._store.posted(run.id, await run.webhook.deliver(self._inside.session, run.id, answer))
        except (OSError, sqlite3.Error) as error:  # a full disk, say
            log.error("run %s cannot be kept: %s", run.id, error)
            _refuse(begun, error)
        except Exception as error:  # the end of a task: a fault of one run ends that run only
            log.exception("run %s has failed", run.id)
            _refuse(begun, error)
        finally:
            self._store.over(run.id)

    def _own(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.ended()

    # A client that does

    async def _relay(self, request: web.BaseRequest, run: Run) -> web.StreamResponse:
        """Pass the answer on as it comes, and post a copy of it when it was complete."""
        copy = bytearray()
        answer: web.StreamResponse | None = None
        try:
            with run.body:
                async with run.ask(self._inside) as response:
                    answer = _head(response)
                    await answer.prepare(request)
                    async for piece in response.content.iter_any():
                        await answer.write(piece)
                        if len(copy) <= MAX_ANSWER_BYTES:
                            copy += piece
        except aiohttp.ClientError as error:
            if answer is not None and request.transport is not None:
                request.transport.abort()  # what has begun must not look complete
            raise ReplicaFailed(f"the answer broke off: {error}") from None
        await answer.write_eof()
        if len(copy) > MAX_ANSWER_BYTES:
            log.warning("the answer to %s is larger than the %d bytes a webhook may have", run.id, MAX_ANSWER_BYTES)
        elif run.webhook is not None:
            self._own(self._post(run.webhook, run.id, Answer(response.status, response.content_type, bytes(copy))))
        return answer

    async def _post(self, webhook: Webhook, run_id: str, answer: Answer) -> None:
        try:
            await webhook.deliver(self._inside.session, run_id, answer)
        except Exception:  # the end of a task: the answer itself has been given
            log.exception("the webhook of %s has failed", run_id)


def _refuse(begun: asyncio.Future[None], error: Exception) -> None:
    if not begun.done():
        begun.set_exception(NoReplica(f"the run cannot be kept: {error}"))


def _head(response: aiohttp.ClientResponse) -> web.StreamResponse:
    kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _NOT_RETURNED]
    answer = web.StreamResponse(status=response.status, reason=response.reason)
    answer.headers.extend(kept)
    return answer

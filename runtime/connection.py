"""Client connections: HTTP/1.1 in, and one answer at a time, in order."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Final, cast

import httptools

from proxy.errors import AnswerError, BadRequest, HeaderTooLarge, VersionNotSupported
from runtime.apart import Apart
from runtime.exchange import Reply, Request

MAX_HEAD_BYTES: Final = 65536
# Only these fields are read; the others, of which a proxy adds some, are not kept.
READ_SIZES: Final = frozenset(map(len, (b"content-type", b"x-request-id", b"expect")))

Respond = Callable[[Request, Reply], Coroutine[object, object, None]]


class Connections:
    """The open connections; `group` owns the tasks that answer their requests."""

    def __init__(self, group: asyncio.TaskGroup, respond: Respond) -> None:
        self.group = group
        self.respond = respond
        self.draining = False
        self._open: set[Connection] = set()
        self._empty = asyncio.Event()

    def accept(self) -> Connection:
        return Connection(self)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        if self.draining:
            connection.drain()

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._empty.set()

    async def drain(self) -> None:
        """Close idle connections now and the others after their answer; returns when all are closed."""
        self.draining = True
        for connection in list(self._open):
            connection.drain()
        while self._open:
            self._empty.clear()
            await self._empty.wait()


class Connection:
    """One client. Requests sent ahead wait in line, and reading stops while one waits.

    An asyncio.Protocol, but not by inheritance: compiled, a class with an interpreted base is slow.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._parser = httptools.HttpRequestParser(self)
        self._requests: list[Request] = []
        self._incoming: Request | None = None
        self._task: asyncio.Task[None] = None  # type: ignore[assignment]  # as the transport
        self._more: asyncio.Future[None] | None = None  # what the task waits for when it has nothing to do
        self._writable = asyncio.Event()
        self._writable.set()
        self._refused = False
        self._abandoned = False  # by the client
        self._ending = False  # no more requests are answered
        self._paused = False
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = self._unfinished_bytes = 0
        self._in_head = True
        self._moved = False  # on in the body, by what has just come

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._task = self._connections.group.create_task(self._serve())
        self._task.add_done_callback(self._over)
        self._connections.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        headers, self._moved = self._headers, False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, AnswerError):
                raise
            self._refuse(error.__context__)
        except httptools.HttpParserError as error:
            self._refuse(BadRequest(f"This is not valid HTTP/1.1: {error}."))
        if self._headers is headers and not self._moved:  # all of it was one unfinished head, or trailer
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
        if len(self._requests) > 1 and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._abandon()
        # The connection stays until the function has really ended: the other side counts it as running.
        return bool(self._requests)

    def connection_lost(self, exc: Exception | None) -> None:
        self._abandon()
        self._connections.closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # the parser calls these

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = {}
        self._head_bytes = self._unfinished_bytes = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)
        self._head_bytes += size + len(value) + 4
        if self._in_head and size in READ_SIZES:  # a trailer must not pass for a header (RFC 9110 section 6.5.1)
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()
        version, upgrade = self._parser.get_http_version(), self._parser.should_upgrade()
        if version != "1.1":
            raise VersionNotSupported(f"HTTP/{version} is not spoken here, HTTP/1.1 is.")
        if upgrade:
            raise BadRequest("Functions are called over plain HTTP/1.1: leave out the upgrade.")
        keep_alive = self._parser.should_keep_alive() and not self._connections.draining
        method = self._parser.get_method().decode("ascii")
        self._incoming = Request(method, self._target, self._headers, keep_alive=keep_alive)
        self._line_up(self._incoming)
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and len(self._requests) == 1:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._moved = True
        self._unfinished_bytes = 0
        if self._incoming is not None:
            self._incoming.feed(body)

    def on_message_complete(self) -> None:
        if self._incoming is not None:
            self._incoming.finish()
            self._incoming = None

    # the life of a request

    def drain(self) -> None:
        """Answer what has been asked, then close."""
        for request in self._requests:
            request.keep_alive = False
        if not self._requests:
            self._transport.close()

    def _refuse(self, refusal: AnswerError) -> None:
        self._refused = True
        if self._incoming is None:
            self._incoming = Request("", b"", {}, keep_alive=False)
            self._line_up(self._incoming)
        self._incoming.refuse(refusal)

    def _line_up(self, request: Request) -> None:
        self._requests.append(request)
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def _serve(self) -> None:
        """The connection's only task: one for each request would cost more than the rest of a small one."""
        while not self._ending:
            try:
                if self._requests:
                    await self._answer(self._requests[0])
                else:
                    self._more = asyncio.get_running_loop().create_future()
                    await self._more
            except asyncio.CancelledError:  # the client left; or a function has cancelled the task that it is in
                continue

    async def _answer(self, request: Request) -> None:
        reply = Reply(request, self._transport, self._writable)
        try:
            await Apart(self._connections.respond(request, reply))
        except Exception:  # as at the end of a task: a fault of one answer cuts that answer only
            sys.stderr.write(f"An answer to {request.shown} was cut.\n{traceback.format_exc()}")
        finally:
            self._served(request, reply)

    def _served(self, request: Request, reply: Reply) -> None:
        del self._requests[0]
        while self._task.cancelling():  # what one function did to its task is nothing to the next
            self._task.uncancel()
        if not self._ending and not (reply.complete and request.keep_alive):
            self._ending = True
            self._transport.close()
        if self._paused and len(self._requests) <= 1:
            self._paused = False
            self._transport.resume_reading()

    def _over(self, _: asyncio.Task[None]) -> None:
        """Not at the end of the task itself: one that is cancelled before its first step never runs."""
        if self._abandoned:
            self._transport.abort()

    def _abandon(self) -> None:
        """The client has left. Only once: a second cancel would cut the clean-up that the first one began."""
        if self._abandoned:
            return
        self._abandoned = self._ending = True
        self._writable.set()
        for request in self._requests:
            request.abandoned = True
        self._task.cancel()


def _head_too_large() -> HeaderTooLarge:
    """Each its own: an error that is raised again and again keeps the frames of all, and their connections."""
    return HeaderTooLarge(f"The request head is over {MAX_HEAD_BYTES} bytes.")

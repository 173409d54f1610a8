"""A model server that computes nothing: its options say how long it takes, how it misbehaves and how it ends.

Usage: python fake_model.py [OPTIONS], as an entrypoint: PORT, MAX_CONCURRENT_TASKS and REPLICA_ID are taken from the
environment. It needs nothing but Python 3.11; uvloop is used where it is installed.
POST /v1/chat/completions answers as OpenAI's does, streamed or whole; /ws returns WebSocket messages; GET /ready,
/health and /stats; any other path is answered with JSON after the service time. The header x-service-seconds or
?seconds= sets the service time of one request. What exceeds its limit is told on stderr, in /stats and in --report
FILE (or FAKE_MODEL_REPORT), to which the events start, peak, overlap and end are appended.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import importlib.util
import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qsl

Draw = Callable[[Random], float]
REPLICA = os.environ.get("REPLICA_ID")
FORMS = "fixed:S, exponential:MEAN, bimodal:SHORT,LONG,SHARE_LONG, pareto:MEAN,ALPHA (over 1) or lognormal:MEAN,SIGMA"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
UPGRADE = b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: %b\r\n\r\n"
CLOSE, PING, PONG = 8, 9, 10  # opcodes

DISTRIBUTIONS: dict[str, tuple[int, Callable[..., Draw]]] = {
    "fixed": (1, lambda seconds: lambda _: seconds),
    "exponential": (1, lambda mean: lambda random: random.expovariate(1 / mean)),
    "bimodal": (3, lambda short, long, share: lambda random: long if random.random() < share else short),
    "pareto": (2, lambda mean, alpha: lambda random: mean * (alpha - 1) / alpha * random.paretovariate(alpha)),
    "lognormal": (2, lambda mean, sigma: lambda random: mean * math.exp(random.gauss(-sigma * sigma / 2, sigma))),
}


def distribution(text: str) -> Draw:
    """Of service times in seconds, from "exponential:0.1". Raises argparse.ArgumentTypeError."""
    name, _, rest = text.partition(":")
    count, make = DISTRIBUTIONS.get(name, (0, None))
    try:
        values = [float(word) for word in rest.split(",")]
    except ValueError:
        values = []
    least = 0 if name in {"fixed", "bimodal"} else 1e-9
    sound = len(values) == count and all(least <= value < math.inf for value in values)
    if make is None or not sound or (name == "pareto" and values[1] <= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no distribution: write {FORMS}")
    return make(*values)


class Request(NamedTuple):
    """Its head; fields have lower-case names."""

    path: str
    query: str
    fields: dict[str, str]


async def take_head(reader: asyncio.StreamReader) -> Request:
    """Raises ValueError or IndexError if it is none, EOFError at the end."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
    path, _, query = first.split(" ")[1].partition("?")
    return Request(path, query, {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)})


async def take_body(reader: asyncio.StreamReader, request: Request) -> bytes:
    if request.fields.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(request.fields.get("content-length", "0")))
    pieces = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():  # trailers
        pass
    return b"".join(pieces)


async def echo_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Sends a client's frame back, unmasked, and a ping as a pong (RFC 6455, 5.2). Its opcode."""
    first, second = await reader.readexactly(2)
    size = second & 127
    length = await reader.readexactly({126: 2, 127: 8}.get(size, 0))
    size = int.from_bytes(length) if length else size
    mask = await reader.readexactly(4) * (size // 4 + 1)
    data = int.from_bytes(await reader.readexactly(size)) ^ int.from_bytes(mask[:size])
    opcode = first & 15
    if opcode != PONG:
        writer.write(bytes((first + (opcode == PING), second & 127)) + length + data.to_bytes(size))
        await writer.drain()
    return opcode


class Tally:
    """What this replica counts of itself, and its file of JSON lines, which several replicas may share."""

    def __init__(self, limit: int, report: str | None) -> None:
        self.limit, self.in_flight, self.peak = limit or sys.maxsize, 0, 0
        self.counts = dict.fromkeys(("begun", "served", "overlaps", "cancelled", "failed"), 0)
        self._started_at = datetime.now(UTC).isoformat()
        self._file = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if report else None

    async def enter(self) -> None:
        self.counts["begun"] += 1
        self.in_flight += 1
        if self.in_flight > self.limit:
            # The end of another connection, ready in the same turn of the loop, may be seen only after this request.
            for _ in range(4):
                await asyncio.sleep(0)
        if self.in_flight > self.peak:
            self.peak = self.in_flight
            self.note("peak")
        if self.in_flight > self.limit:
            self.counts["overlaps"] += 1
            print(f"fake model: {self.in_flight} requests at once, the limit is {self.limit}", file=sys.stderr)
            self.note("overlap")

    def statistics(self) -> dict[str, object]:
        limit = None if self.limit == sys.maxsize else self.limit
        said = {"limit": limit, "in_flight": self.in_flight, "peak": self.peak, **self.counts}
        return {"pid": os.getpid(), "replica": REPLICA, "started_at": self._started_at, **said}

    def note(self, event: str) -> None:
        if self._file is not None:
            line = {"event": event, "at": datetime.now(UTC).isoformat(), **self.statistics()}
            os.write(self._file, json.dumps(line).encode() + b"\n")


class Server:
    """Behaviour and end of the replica; owns the tasks of all connections."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tally = Tally(options.limit, options.report)
        self.tasks = asyncio.TaskGroup()
        self.connections: set[Connection] = set()
        self.kept: list[bytes] = []
        self.stop = asyncio.Event()
        self._random = Random(f"{options.seed} {REPLICA}")
        self.loaded_at = math.inf

    async def run(self) -> None:
        loop, options = asyncio.get_running_loop(), self.options
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        listen = partial(loop.create_server, lambda: Connection(self), options.host, options.port, backlog=4096)
        async with self.tasks:
            listener = await listen() if options.readiness == "always" else None
            await asyncio.sleep(options.cold_start)
            self.loaded_at = time.monotonic()
            self.tally.note("start")
            listener = listener or await listen()
            await self.stop.wait()
            listener.close()
            for connection in self.connections:
                if not connection.busy:
                    connection.writer.close()
        self.tally.note("end")

    def _terminated(self) -> None:
        loading = self.loaded_at == math.inf
        if self.options.sigterm == "drain" and not loading:
            self.stop.set()
        elif self.options.sigterm != "ignore":
            self.tally.note("end")
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def answer_at_once(self, path: str, now: float) -> bytes | None:
        """Of what is not counted: probes and /stats, and everything before the model is loaded."""
        if path == "/health":
            return answer(200, {})
        if path == "/stats":
            return answer(200, self.tally.statistics())
        if path == "/ready":
            word, _, period = self.options.readiness.partition(":")
            flapped = (now - self.loaded_at) // float(period or 1) % 2 == 1
            unready = {"never": True, "honest": self.stop.is_set(), "flapping": flapped}.get(word, False)
            return answer(503 if unready else 200, {"ready": not unready and word != "wrong-body"})
        return answer(503, {"error": "the model is not loaded"}) if self.loaded_at == math.inf else None

    def seconds(self, request: Request) -> float:
        """Of service. Raises ValueError."""
        said = request.fields.get("x-service-seconds") or dict(parse_qsl(request.query)).get("seconds")
        seconds = float(self.options.service(self._random) if said is None else said)
        if not 0 <= seconds < math.inf:
            raise ValueError(f"{said!r} is no number of seconds")
        return seconds


def answer(status: int, document: object) -> bytes:
    body = (document if isinstance(document, str) else json.dumps(document)).encode()
    head = b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    return head % (status, len(body), body)


def event(text: str) -> bytes:
    """A server-sent event as a chunk."""
    data = f"data: {text}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


def chat(part: str, content: str, finish: str | None = None, tokens: int = 0) -> str:
    choice = {"index": 0, part: {"role": "assistant", "content": content}, "finish_reason": finish}
    kind = "chat.completion" if part == "message" else "chat.completion.chunk"
    said = {"id": "chatcmpl-0", "object": kind, "created": 0, "model": "fake", "choices": [choice]}
    return json.dumps({**said, "usage": {"completion_tokens": tokens}} if finish else said)


class Connection(asyncio.StreamReaderProtocol):
    """One client, whose leaving cancels the work for it where work can be cancelled."""

    def __init__(self, server: Server) -> None:
        super().__init__(asyncio.StreamReader(1 << 20), self._opened)
        self._server, self._options = server, server.options
        self.busy = self._streaming = False

    def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._server.connections.add(self)
        self._serving = self._server.tasks.create_task(self._serve())

    def eof_received(self) -> bool:
        super().eof_received()
        if self.busy and not self._options.no_cancel:
            self._serving.cancel()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever streams notices a reset, also where work cannot be cancelled."""
        super().connection_lost(exc)
        if self.busy and (self._streaming or not self._options.no_cancel):
            self._serving.cancel()

    async def _serve(self) -> None:
        try:
            while not (self._server.stop.is_set() or self._reader.at_eof()):
                request = await take_head(self._reader)
                if at_once := self._server.answer_at_once(request.path, time.monotonic()):
                    await take_body(self._reader, request)
                    self.writer.write(at_once)
                elif not await self._count(request):
                    return
        except (EOFError, OSError, ValueError, IndexError, asyncio.LimitOverrunError):
            pass  # the client left, or spoke no HTTP
        finally:
            self._server.connections.discard(self)
            self.writer.close()

    async def _count(self, request: Request) -> bool:
        """Whether the connection goes on."""
        tally, counts = self._server.tally, self._server.tally.counts
        fails = counts["begun"] < self._options.fail_first
        self.busy = True
        try:
            await tally.enter()
            body = await take_body(self._reader, request)
            if fails:
                counts["failed"] += 1
                self.writer.write(answer(500, {}) if self._options.fail_with == "500" else b"")
                return False
            await self._work(request, body)
            counts["served"] += 1
        except ValueError as error:
            self.writer.write(answer(400, {"error": str(error)}))
            return False
        except (asyncio.CancelledError, EOFError, OSError):
            counts["cancelled"] += 1
            raise
        finally:
            tally.in_flight -= 1
            self.busy = self._streaming = False
        return request.path != "/ws"

    async def _work(self, request: Request, body: bytes) -> None:
        if self._options.memory_growth:
            self._server.kept.append(b"\1" * int(self._options.memory_growth * (1 << 20)))
        if request.path == "/ws":
            key = request.fields.get("sec-websocket-key", "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.writer.write(UPGRADE % base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest()))
            while await echo_frame(self._reader, self.writer) != CLOSE:
                pass
            return
        seconds, began = self._server.seconds(request), time.monotonic()
        if request.path == "/v1/chat/completions":
            await self._chat(json.loads(body), seconds)
            return
        await asyncio.sleep(seconds)
        took = time.monotonic() - began
        self.writer.write(answer(200, {"replica": REPLICA, "seconds": seconds, "took_seconds": took}))

    async def _chat(self, asked: object, seconds: float) -> None:
        if not isinstance(asked, dict):
            raise ValueError("the body must be a JSON object, as OpenAI's clients send it")
        count, gap = int(str(asked.get("max_tokens") or self._options.tokens)), self._options.token_seconds
        if not asked.get("stream"):
            await asyncio.sleep(seconds + max(0, count - 1) * gap)
            self.writer.write(answer(200, chat("message", "tide " * count, "stop", count)))
            return
        await asyncio.sleep(seconds)
        self._streaming, began = True, time.monotonic()
        self.writer.write(STREAM_HEAD)
        for number in range(count):
            await asyncio.sleep(began + number * gap - time.monotonic())
            self.writer.write(event(chat("delta", "tide ")))
            await self.writer.drain()
        self.writer.write(event(chat("delta", "", "stop", count)) + event("[DONE]") + b"0\r\n\r\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A fake model server.")
    option = parser.add_argument
    option("--host", default="127.0.0.1")
    option("--port", type=int, default=os.environ.get("PORT", "8000"), help="PORT")
    option("--limit", type=int, default=os.environ.get("MAX_CONCURRENT_TASKS", "0"), help="MAX_CONCURRENT_TASKS")
    option("--service", type=distribution, default="fixed:0", metavar="DISTRIBUTION", help=FORMS)
    option("--seed", default="1", help="of service times, with REPLICA_ID")
    option("--tokens", type=int, default=20, help="of a chat without max_tokens")
    option("--token-seconds", type=float, default=0.02, metavar="S", help="between two tokens")
    option("--cold-start", type=float, default=0.0, metavar="S", help="before it listens")
    option("--memory-growth", type=float, default=0.0, metavar="MB", help="kept by each request")
    option("--sigterm", choices=["abort", "drain", "ignore"], default="drain")
    option("--no-cancel", action="store_true", help="work goes on when the client has left")
    option("--fail-first", type=int, default=0, metavar="N", help="the first N requests fail")
    option("--fail-with", choices=["500", "close"], default="500", help="an answer, or the end of the connection")
    option("--readiness", default="honest", help="always, never, flapping:SECONDS or wrong-body")
    option("--report", metavar="FILE", default=os.environ.get("FAKE_MODEL_REPORT"), help="JSON lines are appended")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"honest|always|never|wrong-body|flapping:(?=.*[1-9])\d+(\.\d+)?", options.readiness):
        parser.error("--readiness must be honest, always, never, wrong-body or flapping:SECONDS")
    return options


def main() -> None:
    loops = importlib.import_module("uvloop" if importlib.util.find_spec("uvloop") else "asyncio")
    loops.run(Server(parse(sys.argv[1:])).run())


if __name__ == "__main__":
    main()

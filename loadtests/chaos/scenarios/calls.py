"""System calls that fail, as they may at any time: strace makes them, for as long as the fault lasts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from chaos.client import Client
from chaos.scenario import scenario
from chaos.stage import Stage

SECONDS = 3.0
BAD = frozenset({502, 503})
STOPPED = b"--- stopped by SIGSTOP ---"


def _no_strace() -> str:
    return "" if shutil.which("strace") else "strace is not installed (apt-get install strace)"


@asynccontextmanager
async def _failing(stage: Stage, *calls: str) -> AsyncIterator[None]:
    """Each is "NAME:ERROR:WHEN", as strace has it; only in the thread that serves."""
    process, told = stage.proxy.process, stage.folder / "calls"
    told.touch()
    words = ["-p", str(process.pid), "-o", str(told), "-e", f"trace={','.join(call.split(':')[0] for call in calls)}"]
    for call in calls:
        name, error, when = call.split(":")
        words += ["-e", f"inject={name}:error={error}:when={when}"]
    tracer = await asyncio.create_subprocess_exec("strace", *words, stderr=asyncio.subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        while b"attached" not in (line := await tracer.stderr.readline()):
            if not line:
                raise RuntimeError("strace cannot attach to the proxy")
        yield
    finally:
        await let_go(process, tracer, told)
    stage.mark()


async def let_go(process: psutil.Process, tracer: asyncio.subprocess.Process, told: Path) -> None:
    """End strace while the process stands still.

    A call that strace has begun to make fail, and does not end, fails with ENOSYS: that would break a connection, or
    abort a loop that waits.
    """
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        process.suspend()
        try:
            while tracer.returncode is None and STOPPED not in told.read_bytes():
                await asyncio.sleep(0.01)
            tracer.terminate()
            await tracer.wait()
        finally:
            process.resume()
    await tracer.communicate()


@scenario("accept finds no file descriptor, or the connection gone", 3.0, possible=_no_strace, breaks=True)
async def calls_accept(stage: Stage) -> None:
    """Those that EMFILE hits are closed unheard; all others are served."""
    async with _failing(stage, "accept4:EMFILE:2+6", "accept4:ECONNABORTED:5+6"):
        for _ in range(60):
            client = await Client.connect(stage.port())
            client.close()
        await asyncio.sleep(SECONDS)


@scenario("connect finds no port to leave from", 3.0, possible=_no_strace)
async def calls_connect(stage: Stage) -> None:
    async with _failing(stage, "connect:EADDRNOTAVAIL:1+3"):
        await asyncio.sleep(SECONDS)


@scenario("connect is refused now and then", 3.0, possible=_no_strace)
async def calls_connect_refused(stage: Stage) -> None:
    async with _failing(stage, "connect:ECONNREFUSED:1+3"):
        await asyncio.sleep(SECONDS)


@scenario("reads and writes are interrupted", 3.0, possible=_no_strace)
async def calls_interrupted(stage: Stage) -> None:
    async with _failing(stage, "read:EINTR:1+3", "write:EINTR:1+3", "epoll_pwait:EINTR:1+5"):
        await asyncio.sleep(SECONDS)


@scenario("writes find the connection gone", 3.0, loses=True, breaks=True, refusals=BAD, possible=_no_strace)
async def calls_write(stage: Stage) -> None:
    async with _failing(stage, "write:EPIPE:30+70", "writev:EPIPE:5+20", "sendmsg:EPIPE:5+20"):
        await asyncio.sleep(SECONDS)

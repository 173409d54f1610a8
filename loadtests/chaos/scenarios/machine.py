"""What the machine runs out of, and its clock."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from chaos.client import Client
from chaos.invariants import usual
from chaos.proxy import Command
from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.stage import Stage

RUN = b"POST /small/?async=true&run%d HTTP/1.1\r\nhost: chaos\r\ncontent-length: %d\r\n\r\n"


@scenario("no file descriptor is left to the proxy for four seconds", 3.0, short=True)
async def descriptors_used_up(stage: Stage) -> None:
    process = psutil.Process(stage.proxy.process.pid)
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (4, hard))
    try:
        await asyncio.sleep(4.0)
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    stage.mark()


SMALL = Setting(small_state=True)


@scenario("the disk with the state folder is full for four seconds", 2.0, setting=SMALL, short=True)
async def disk_full(stage: Stage) -> None:
    """Requests do not notice; runs are refused in words, and taken again when there is room."""
    await _run(stage, 98, 10)  # what the first of them starts is no leak
    stage.before = await usual(stage)
    with _full(stage):
        statuses = {await _run(stage, number, size) for number in range(8) for size in (0, 100_000)}
        await asyncio.sleep(3.0)
    stage.mark()
    if statuses - {202, 503} or 503 not in statuses:
        raise RuntimeError(f"runs without room for them were answered {sorted(statuses)}, not 503")
    if (status := await _run(stage, 99, 10)) != 202:
        raise RuntimeError(f"a run was answered {status}, though there is room again")


@contextmanager
def _full(stage: Stage) -> Iterator[None]:
    """Fill the small disk; where there is none, for want of a right, the proxy may write no byte more."""
    if (stage.folder / "state").is_mount():
        filler = stage.folder / "state/filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        yield
        filler.unlink()
        return
    process = psutil.Process(stage.proxy.process.pid)
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, before)


async def _run(stage: Stage, number: int, size: int) -> int:
    """The status of an asynchronous run's answer."""
    client = await Client.connect(stage.port())
    try:
        return (await client.ask(RUN % (number, size) + bytes(size))).status
    finally:
        client.close()


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
CLOCK = "clock"
JUMPS = ("+30d", "-400d", "+0", "-3600", "+0")


def _no_faketime() -> str:
    return "" if FAKETIME else "libfaketime is not installed (apt-get install libfaketime)"


def _clock_command() -> Command:
    """The wall clock is what the file says; the monotonic one, which the proxy reckons with, stays the kernel's."""
    kernels = dict.fromkeys(("FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "FAKETIME_NO_CACHE"), "1")
    return Command(env={"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": "{folder}/" + CLOCK, **kernels})


SCHEDULED = Setting(
    command=_clock_command(),
    replica_prefix=("env", "-u", "LD_PRELOAD"),
    more='[[tidegate.scaling.schedule]]\ndays = ["mon"]\nstart = "00:00"\nend = "12:00"\nmin_replicas = 2\n',
)


@scenario("the wall clock jumps by days, forth and back", 2.0, setting=SCHEDULED, possible=_no_faketime)
async def clock_jumps(stage: Stage) -> None:
    pids = sorted(stage.proxy.replica_pids())
    for jump in JUMPS:
        (stage.folder / CLOCK).write_text(jump + "\n")
        await asyncio.sleep(1.5)
    if sorted(stage.proxy.replica_pids()) != pids:
        raise RuntimeError("replicas were replaced because the clock jumped")

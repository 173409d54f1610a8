"""Replicas that are not ready, never, late or only now and then."""

from __future__ import annotations

import asyncio
import time

from chaos.client import Client
from chaos.load import REFUSED
from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.stage import Stage

FILE = {"ready": "200"}


@scenario("all replicas say 503 to readiness probes, for four seconds", 2.0, setting=Setting(files=FILE))
async def not_ready(stage: Stage) -> None:
    """They are not restarted for it, and those who wait are answered."""
    pids = sorted(stage.proxy.replica_pids())
    (stage.folder / "ready").write_text("503")
    await asyncio.sleep(4.0)
    (stage.folder / "ready").write_text("200")
    stage.mark()
    await stage.ready()
    if sorted(stage.proxy.replica_pids()) != pids:
        raise RuntimeError("replicas that were not ready for a while have been replaced")


NEVER = Setting(files=FILE, more="[tidegate.queue]\ntimeout_seconds = 1\n")


@scenario("no replica gets ready: who waits gets 504 in time", 3.0, setting=NEVER, refusals=frozenset({504}))
async def never_ready(stage: Stage) -> None:
    (stage.folder / "ready").write_text("503")
    await asyncio.sleep(4.0)
    slowest = max((one.ended - one.began for one in stage.load.outcomes if one.kind == REFUSED), default=99.0)
    (stage.folder / "ready").write_text("200")
    stage.mark()
    if slowest > 1.5:
        raise RuntimeError(f"a wait of at most 1 s took {slowest:.1f} s")


@scenario("readiness changes ten times a second", 2.0, setting=Setting(files=FILE), short=True)
async def flapping(stage: Stage) -> None:
    ends = time.monotonic() + 4.0
    while time.monotonic() < ends:
        (stage.folder / "ready").write_text(stage.random.choice(("200", "503")))
        await asyncio.sleep(0.1)
    (stage.folder / "ready").write_text("200")
    stage.mark()


@scenario(
    "a crash of every replica, again and again, as a request brings it about",
    12.0,
    loses=True,
    refusals=frozenset({502, 503}),
)
async def crash_loop(stage: Stage) -> None:
    for number in range(5):
        client = await Client.connect(stage.port())
        await client.send(b"POST /crash/?crash%d HTTP/1.1\r\nhost: chaos\r\ncontent-length: 0\r\n\r\n" % number)
        await client.answer()
        client.close()
        stage.mark()

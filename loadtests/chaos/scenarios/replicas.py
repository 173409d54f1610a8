"""Replicas that die, hang, or want more memory than there is."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from chaos.client import Client
from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.stage import Stage


@scenario("kill -9 one replica, then another", 6.0, loses=True, refusals=frozenset({502}), short=True)
async def replica_killed(stage: Stage) -> None:
    for _ in range(2):
        os.killpg(stage.random.choice(stage.proxy.replica_pids()), signal.SIGKILL)
        stage.mark()
        await asyncio.sleep(2.0)


@scenario("SIGSTOP to a replica, SIGCONT two seconds later", 2.0, short=True)
async def replica_stopped(stage: Stage) -> None:
    pid = stage.proxy.replica_pids()[0]
    os.killpg(pid, signal.SIGSTOP)
    await asyncio.sleep(2.0)
    os.killpg(pid, signal.SIGCONT)


ASKED = Setting(health="/ready")


# What it has is given up after first_byte_seconds, it is replaced after three silent probes, and killed when the grace
# period of 16 s is over.
@scenario("SIGSTOP to a replica, for ever", 12.0, setting=ASKED, loses=True, refusals=frozenset({504}))
async def replica_hung(stage: Stage) -> None:
    pid = stage.proxy.replica_pids()[0]
    os.killpg(pid, signal.SIGSTOP)
    stage.mark()
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.1)


# Under a limit of its address space, as a container has one of its memory.
UNDER_LIMIT = Setting(replica_prefix=("prlimit", "--as=500000000"))


@scenario(
    "a request makes its replica take more memory than it may have",
    6.0,
    setting=UNDER_LIMIT,
    loses=True,
    refusals=frozenset({502}),
)
async def memory_hog(stage: Stage) -> None:
    pids = stage.proxy.replica_pids()
    client = await Client.connect(stage.port())
    answer = await client.ask(b"POST /hog/?hog HTTP/1.1\r\nhost: chaos\r\ncontent-length: 0\r\n\r\n")
    if answer.status != 504:  # a busy machine may need longer than first_byte_seconds to give it all that memory
        answer.expect(502)
    client.close()
    stage.mark()
    while not set(stage.proxy.replica_pids()) - set(pids):
        await asyncio.sleep(0.05)

"""The proxy itself is killed, or told to go."""

from __future__ import annotations

import asyncio
import time

import psutil

from chaos.scenario import scenario
from chaos.stage import Stage

# As long as the guard process may take to end what the proxy has left.
GONE_SECONDS = 2.0


@scenario("kill -9 the proxy, start it again", 10.0, loses=True, breaks=True, away=True, short=True)
async def proxy_killed(stage: Stage) -> None:
    pids, port = stage.proxy.replica_pids(), stage.proxy.port
    await asyncio.to_thread(stage.proxy.kill)
    stage.mark()
    ends = time.monotonic() + GONE_SECONDS
    while left := [pid for pid in pids if _lives(pid)]:
        if time.monotonic() > ends:
            raise RuntimeError(f"replicas outlived a killed proxy: {left}")
        await asyncio.sleep(0.02)
    await stage.start_proxy(port)


# The clients that are away find nobody; none that was accepted loses its answer.
@scenario("SIGTERM to the proxy, start it again", 10.0, away=True, refusals=frozenset({503}))
async def proxy_restarted(stage: Stage) -> None:
    port = stage.proxy.port
    code = await asyncio.to_thread(stage.proxy.terminate)
    if code:
        raise RuntimeError(f"the proxy ended with exit code {code}")
    await stage.start_proxy(port)
    stage.mark()


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

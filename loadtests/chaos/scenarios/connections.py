"""What goes wrong between the proxy and a replica: shims stand between them, and one or both misbehave."""

from __future__ import annotations

import asyncio

from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.shim import NONE, Fault
from chaos.stage import Stage

SHIMS = Setting(shims=True)
FAULT_SECONDS = 3.0
BAD_GATEWAY = frozenset({502})


async def _under(stage: Stage, fault: Fault) -> None:
    for shim in stage.shims:
        shim.fault = fault
        shim.cut()
    await asyncio.sleep(FAULT_SECONDS)
    for shim in stage.shims:
        shim.fault = NONE
        shim.cut()
    stage.mark()


@scenario("bytes come and go in small pieces, each late", 2.0, setting=SHIMS)
async def replica_slow(stage: Stage) -> None:
    for shim in stage.shims:
        shim.fault = Fault(delay_seconds=0.002, piece_bytes=1000)
    await asyncio.sleep(FAULT_SECONDS)
    for shim in stage.shims:
        shim.fault = NONE


@scenario(
    "one replica refuses connections, then all do; nothing that has not begun is lost", 3.0, setting=SHIMS, short=True
)
async def replica_refusing(stage: Stage) -> None:
    stage.shims[0].refuse()
    await asyncio.sleep(2.0)
    stage.shims[1].refuse()
    await asyncio.sleep(1.0)
    for shim in stage.shims:
        await shim.open()


@scenario(
    "half of the connections are reset in the middle of an answer",
    2.0,
    setting=SHIMS,
    loses=True,
    refusals=BAD_GATEWAY,
    short=True,
)
async def replica_resetting(stage: Stage) -> None:
    await _under(stage, Fault(share=0.5, end="reset", after=stage.random.randint(200, 4000)))


@scenario(
    "connections are reset before the first byte of an answer", 2.0, setting=SHIMS, loses=True, refusals=BAD_GATEWAY
)
async def replica_resetting_at_once(stage: Stage) -> None:
    await _under(stage, Fault(share=0.5, end="reset"))


@scenario(
    "random bytes come instead of an answer, or in the middle of one",
    2.0,
    setting=SHIMS,
    loses=True,
    refusals=BAD_GATEWAY,
)
async def replica_garbage(stage: Stage) -> None:
    for after in (0, stage.random.randint(1, 3000)):
        await _under(stage, Fault(share=0.5, end="garbage", after=after))


@scenario(
    "replicas shut down their sending side in the middle of an answer",
    2.0,
    setting=SHIMS,
    loses=True,
    refusals=BAD_GATEWAY,
)
async def replica_half_closing(stage: Stage) -> None:
    for after in (0, stage.random.randint(100, 3000)):
        await _under(stage, Fault(share=0.5, end="half-close", after=after))


# Silence is taken for work until first_byte_seconds or idle_seconds are over.
@scenario("the cable to one replica is pulled", 6.0, setting=SHIMS, loses=True, refusals=frozenset({504}))
async def replica_out_of_reach(stage: Stage) -> None:
    stage.shims[0].blackhole = True
    await asyncio.sleep(6.0)
    stage.shims[0].blackhole = False


@scenario(
    "the connection between client and proxy is slow, and brings bytes by the piece",
    2.0,
    setting=Setting(client_shim=True),
    loses=True,
)
async def client_network_slow(stage: Stage) -> None:
    stage.front.fault = Fault(delay_seconds=0.005, piece_bytes=500)
    await asyncio.sleep(FAULT_SECONDS)
    stage.front.fault = NONE
    stage.mark()


@scenario(
    "connections between clients and proxy are reset again and again",
    2.0,
    setting=Setting(client_shim=True),
    loses=True,
    breaks=True,
)
async def client_network_cut(stage: Stage) -> None:
    for _ in range(10):
        stage.front.cut()
        await asyncio.sleep(stage.random.uniform(0.05, 0.4))
    stage.mark()

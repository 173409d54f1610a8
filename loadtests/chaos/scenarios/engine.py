"""Replicas that are containers: their proxy is killed, or their engine goes away."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess

from chaos.scenario import scenario
from chaos.setting import Setting
from chaos.stage import Stage
from tests.e2e.docker_engine import BASE_IMAGE

CONTAINERS = Setting(engine=True)


def _no_engine() -> str:
    if os.getuid() != 0:
        return "only root may start a Docker Engine"
    if not (shutil.which("dockerd") and shutil.which("ip")):
        return "there is no Docker Engine: run scripts/docker-engine.sh"
    known = subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False)
    return "" if known.returncode == 0 else f"there is no image {BASE_IMAGE}: run scripts/docker-engine.sh"


@scenario(
    "kill -9 the proxy of containers, start it again: it takes them over",
    10.0,
    setting=CONTAINERS,
    loses=True,
    breaks=True,
    away=True,
    possible=_no_engine,
)
async def containers_taken_over(stage: Stage) -> None:
    before, port = _ids(stage), stage.proxy.port
    await asyncio.to_thread(stage.proxy.kill)
    stage.mark()
    await stage.start_proxy(port)
    await stage.ready()
    if _ids(stage) != before:
        raise RuntimeError("the containers of a killed proxy were replaced")


# Its containers end with it; who waits meanwhile is told why.
@scenario(
    "stop the Docker Engine, and start it again two seconds later",
    30.0,
    setting=CONTAINERS,
    loses=True,
    refusals=frozenset({502, 503}),
    possible=_no_engine,
)
async def engine_restarted(stage: Stage) -> None:
    assert stage.engine is not None
    await asyncio.to_thread(stage.engine.stop)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(stage.engine.start)
    stage.mark()


def _ids(stage: Stage) -> set[str]:
    return {replica["container_id"] for replica in stage.proxy.view()["replicas"]}

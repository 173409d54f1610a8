"""The composition root of process 1: builds the gate and the supervisor, and runs them until the command has ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import os

import uvloop

from proxy.errors import TidegateError
from runtime.child import Child
from runtime.gate import Gate
from runtime.launch import Launch
from runtime.options import Options
from runtime.supervisor import Start, Supervisor

log = logging.getLogger("tidegate.runtime")


def run(options: Options, launched: tuple[Launch, Child], start: Start) -> int:
    """Returns the exit code; raises TidegateError."""
    gc.freeze()  # what has been imported stays: a collection that looked at all of it would hold up every request
    logging.basicConfig(level=logging.INFO, format="tidegate: %(message)s")
    return uvloop.run(_run(options, launched, start))


async def _run(options: Options, launched: tuple[Launch, Child], start: Start) -> int:
    code = 0
    try:
        async with asyncio.TaskGroup() as tasks:
            launch, _ = launched
            gate = Gate(options, os.environ.get("APP_NAME") or launch.name, tasks)
            await gate.open()
            where = launch.ready_path or "its port"
            host = f"[{options.host}]" if ":" in options.host else options.host
            log.info("%s on %s, gate on http://%s:%d", launch.name, launch.place, host, gate.port)
            log.info("%s is ready when %s answers; %d requests at once", launch.name, where, options.limit)
            try:
                code = await Supervisor(launched, start, gate, tasks).run()
            finally:
                await gate.close()
    except* TidegateError as group:
        raise group.exceptions[0] from None
    return code

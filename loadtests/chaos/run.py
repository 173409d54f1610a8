"""One scenario from its first process to its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from chaos.client import Wrong
from chaos.invariants import Finding, judge, leaks, quiet, recovered, usual
from chaos.scenario import Scenario
from chaos.stage import Stage, stage
from chaos.stall import Stalls

SCENARIO_SECONDS = 90.0
# What ends a scenario is one of its findings, and no end of the others.
MISHAPS = (RuntimeError, Wrong, OSError, EOFError)


async def play(scenario: Scenario, seed: int, keep_log: Path | None = None) -> Finding:
    finding = Finding(scenario.name, bound_seconds=scenario.bound_seconds)
    finding.skipped = scenario.possible()
    if finding.skipped:
        return finding
    place = TemporaryDirectory(prefix="tidegate-chaos-")
    folder, stalls = Path(place.name), Stalls()
    try:
        async with stage(folder, scenario.setting, Random(f"{seed} {scenario.name}")) as made, _watched(stalls):
            await _play(scenario, made, finding)
    except* MISHAPS as errors:
        finding.faults += sentences(errors)
    finally:
        if keep_log is not None and (folder / "log").exists():
            (keep_log / f"{scenario.name}.log").write_bytes((folder / "log").read_bytes())
        await asyncio.to_thread(place.cleanup)  # what an engine leaves takes its time
    finding.faults += stalls.told() if finding.faults else []
    return finding


@asynccontextmanager
async def _watched(stalls: Stalls) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(stalls.watch())
        yield
        watching.cancel()


def sentences(errors: BaseExceptionGroup[BaseException]) -> list[str]:
    """What went wrong in a scenario, from all the tasks of it."""
    found = []
    for error in errors.exceptions:
        found += sentences(error) if isinstance(error, BaseExceptionGroup) else [str(error)[-3000:] or repr(error)]
    return found


async def _bounded(scenario: Scenario, made: Stage) -> None:
    """Some faults wait for what has to come of them."""
    try:
        async with asyncio.timeout(SCENARIO_SECONDS):
            await scenario.play(made)
    except TimeoutError:
        raise RuntimeError(f"what had to come of the fault has not come within {SCENARIO_SECONDS:g} s") from None


async def _play(scenario: Scenario, made: Stage, finding: Finding) -> None:
    async with asyncio.TaskGroup() as tasks:
        load = tasks.create_task(made.load.run(made.setting.visitors))
        await made.ready()
        made.before = await usual(made)
        made.load.outcomes.clear()
        try:
            await _bounded(scenario, made)
            if not made.fault_ends:
                made.mark()
            await recovered(made, scenario.bound_seconds)
        finally:
            made.load.stop()
        await load
    after = await quiet(made, made.before)
    finding.leaked = leaks(made.before, after)
    judge(made, scenario, finding)
    code = await asyncio.to_thread(made.proxy.terminate)
    if made.engine is not None and (left := made.engine.docker("ps", "-aq").stdout.split()):
        finding.faults.append(f"{len(left)} containers outlived the proxy")
    if code:
        finding.faults.append(f"the proxy ended with exit code {code}")
    survivors = made.proxy.survivors() if not made.setting.shims else []
    finding.leaked["replicas"] += len(survivors)
    if survivors:
        finding.faults.append(f"replicas outlived the proxy: {survivors}")

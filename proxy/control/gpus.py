"""What replicas use of the machine's NVIDIA GPUs, as nvidia-smi tells it; nothing where there is no such program."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from proxy.core.replica import Replica
from proxy.metrics import AppMetrics, GpuUsage
from proxy.program import ProgramError, ask

log = logging.getLogger("tidegate.gpus")

SAMPLE_SECONDS = 5.0
_SECONDS = 10.0
_CSV = "--format=csv,noheader,nounits"
_LOADS = ("--query-gpu=uuid,utilization.gpu", _CSV)
_PROCESSES = ("--query-compute-apps=gpu_uuid,pid,used_gpu_memory", _CSV)

# What a replica's processes are known by: {"pid": leader of their group} or {"container_id": …}.
Identity = Mapping[str, int | str]


class GpuMeter:
    """Asks every 5 seconds, once for all apps: their metrics, and what a replica's processes are known by."""

    def __init__(self, apps: Sequence[tuple[AppMetrics, Callable[[Replica], Identity]]]) -> None:
        self._apps = apps
        self._failing = False

    async def run(self) -> None:
        """End at once where there is no nvidia-smi."""
        program = shutil.which("nvidia-smi")
        while program is not None:
            await self._ask(program)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _ask(self, program: str) -> None:
        try:
            loads, processes = await ask((program, *_LOADS), _SECONDS), await ask((program, *_PROCESSES), _SECONDS)
        except ProgramError as error:
            loads = processes = ""  # what was known is not true any more
            if not self._failing:
                log.warning("%s: the use of GPUs is not known until it answers again", error)
            self._failing = True
        else:
            self._failing = False
        self._note(loads, processes)

    def _note(self, loads: str, processes: str) -> None:
        for metrics, identity in self._apps:
            metrics.gpu_usage = usage(loads, processes, {replica.id: identity(replica) for replica in metrics.pool})


def usage(loads: str, processes: str, identities: Mapping[str, Identity]) -> dict[str, GpuUsage]:
    """By replica: the mean load of the GPUs that its processes are on, and the memory that these hold there."""
    load_of = {gpu: _number(load) / 100 for gpu, load in _rows(loads, 2)}
    gpus: dict[str, set[str]] = defaultdict(set)
    memory: dict[str, int] = defaultdict(int)
    for gpu, pid, mebibytes in _rows(processes, 3):
        replica = _owner(int(_number(pid)), identities)
        if replica is not None and gpu in load_of:
            gpus[replica].add(gpu)
            memory[replica] += int(_number(mebibytes)) * 1024**2
    return {replica: GpuUsage(fmean(load_of[gpu] for gpu in used), memory[replica]) for replica, used in gpus.items()}


def _rows(table: str, columns: int) -> Iterator[list[str]]:
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == columns:
            yield cells


def _number(cell: str) -> float:
    """What a driver does not know is "[N/A]"."""
    return float(cell) if cell.replace(".", "", 1).isdecimal() else 0.0


def _owner(pid: int, identities: Mapping[str, Identity]) -> str | None:
    try:
        group, control_group = os.getpgid(pid), Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return None
    for replica, identity in identities.items():
        container = identity.get("container_id")
        if identity.get("pid") == group or (isinstance(container, str) and container in control_group):
            return replica
    return None

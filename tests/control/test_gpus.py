"""The use of GPUs, from what nvidia-smi prints."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from proxy.control.gpus import GpuMeter, usage
from proxy.metrics import GpuUsage

LOADS = "GPU-a, 80\nGPU-b, 40\nGPU-c, [N/A]\n"


@pytest.fixture
def process() -> Iterator[int]:
    """The pid of a group's leader."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as started:
        yield started.pid
        started.kill()


def test_a_replica_uses_the_gpus_that_its_processes_are_on(process: int) -> None:
    table = f"GPU-a, {process}, 1024\nGPU-b, {process}, 512\nGPU-a, {os.getpid()}, 64\nGPU-b, 999999999, 8\n"
    found = usage(LOADS, table, {"demo-1": {"pid": process}, "demo-2": {"pid": 1}})
    assert found == {"demo-1": GpuUsage((0.8 + 0.4) / 2, 1536 << 20)}


def test_what_the_driver_does_not_know_counts_as_nothing(process: int) -> None:
    found = usage(LOADS, f"GPU-c, {process}, [N/A]\nno table\n", {"demo-1": {"pid": process}})
    assert found == {"demo-1": GpuUsage(0.0, 0)}


def noted(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, GpuUsage]]:
    """What a meter notes with that nvidia-smi on PATH, until it ends or for as long as it takes to note once."""
    if script:
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    notes: list[Mapping[str, GpuUsage]] = []

    async def scenario() -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(GpuMeter(dict, notes.append).run())
            while not notes and not running.done():  # noqa: ASYNC110 - two conditions
                await asyncio.sleep(0.01)
            running.cancel()

    asyncio.run(scenario())
    return notes


def test_without_the_program_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(tmp_path, "", monkeypatch) == []


def test_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(tmp_path, 'echo "GPU-a, 80"', monkeypatch) == [{}]


def test_a_driver_that_is_broken_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert noted(tmp_path, "exit 9", monkeypatch) == [{}]  # what was known is not true any more
    assert caplog.messages == [f"{tmp_path}/nvidia-smi exited with code 9: the use of GPUs is not measured any more"]

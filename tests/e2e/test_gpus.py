"""The use of GPUs, from what nvidia-smi prints."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.control import gpus
from proxy.control.gpus import GpuMeter, usage
from proxy.core.balancers.first_available import FirstAvailable
from proxy.core.pool import Pool
from proxy.metrics import AppMetrics, GpuUsage

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


def metered(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> AppMetrics:
    """An app that had a use of GPUs, after a meter has noted another with that nvidia-smi on PATH, or ended."""
    if script:
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    before = {"demo-1": GpuUsage(0.5, 1)}
    metrics = AppMetrics("demo", Pool(FirstAvailable(), 1, 0.0))
    metrics.gpu_usage = before

    async def scenario() -> None:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(GpuMeter([(metrics, lambda _: {})]).run())
            while metrics.gpu_usage is before and not running.done():
                await asyncio.sleep(0.01)
            running.cancel()

    asyncio.run(scenario())
    return metrics


def test_without_the_program_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert metered(tmp_path, "", monkeypatch).gpu_usage == {"demo-1": GpuUsage(0.5, 1)}


def test_the_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert metered(tmp_path, 'echo "GPU-a, 80"', monkeypatch).gpu_usage == {}
    assert caplog.messages == []


def test_a_driver_that_is_broken_is_told_once_and_what_was_known_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert metered(tmp_path, "exit 9", monkeypatch).gpu_usage == {}
    assert caplog.messages == [
        f"{tmp_path}/nvidia-smi exited with code 9: the use of GPUs is not known until it answers again"
    ]


def test_a_driver_that_fails_is_told_once_and_asked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpus, "SAMPLE_SECONDS", 0.01)
    calls = tmp_path / "calls"
    counted = f'echo x >> {calls}; n=$(/usr/bin/wc -l < {calls}); [ "$n" -gt 3 ] && exit 9; echo "GPU-a, 80"'
    metered(tmp_path, counted, monkeypatch)

    async def scenario() -> None:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(GpuMeter([]).run())
            while len(calls.read_text().splitlines()) < 6:
                await asyncio.sleep(0.01)
            running.cancel()

    asyncio.run(scenario())
    assert len(caplog.messages) == 1

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.backends.docker import gpus
from proxy.backends.docker.gpus import Gpus, check_gpus, devices_there
from proxy.errors import StartError, UserError
from tests.backends.apps import app

TWO_GPUS = '[cerebrium.hardware]\ncompute = "HOPPER_H100"\ngpu_count = 2\n'


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that says that there are two devices."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return program


def test_no_device_is_given_out_twice() -> None:
    given = Gpus()
    assert given.take(1, ("0", "1", "2"), elsewhere={"1"}) == ("0",)
    assert given.take(1, ("0", "1", "2"), elsewhere={"1"}) == ("2",)
    with pytest.raises(StartError, match=r"needs 1 of this machine's 3 GPUs, of which 0 are free: lower"):
        given.take(1, ("0", "1", "2"), elsewhere={"1"})
    given.release(("2",))
    assert given.take(1, ("0", "1", "2"), elsewhere=()) == ("1",)


def test_a_replica_that_runs_already_keeps_its_devices() -> None:
    given = Gpus()
    given.hold(("0", "1"))
    assert given.take(2, ("0", "1", "2", "3"), elsewhere=()) == ("2", "3")


def test_devices_are_those_that_the_driver_lists(smi: Path) -> None:
    assert asyncio.run(devices_there()) == ("0", "1")
    smi.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert asyncio.run(devices_there()) == ()


def test_a_driver_that_does_not_answer_is_not_waited_for(smi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    monkeypatch.setattr(gpus, "_ANSWER_SECONDS", 0.05)

    async def scenario() -> None:
        async with asyncio.timeout(15):
            assert await devices_there() == ()

    asyncio.run(scenario())


def test_more_gpus_than_there_are_is_an_error_that_names_the_key(smi: Path, tmp_path: Path) -> None:
    asyncio.run(check_gpus(app(tmp_path, TWO_GPUS)))
    smi.write_text("#!/bin/sh\necho 0\n")
    with pytest.raises(
        UserError, match=r"asks for 2 GPU \(HOPPER_H100\), but nvidia-smi finds 1 here: set cerebrium\."
    ):
        asyncio.run(check_gpus(app(tmp_path, TWO_GPUS)))
    asyncio.run(check_gpus(app(tmp_path, TWO_GPUS + "[tidegate.docker]\ngpus = ['0']")))

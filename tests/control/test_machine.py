"""What a machine offers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from proxy.config import AppConfig, parse
from proxy.control import machine
from proxy.control.machine import Offer, count_gpus, make_machine, need_of
from proxy.core.capacity import UNLIMITED, Resources
from proxy.errors import UserError

LISTED = """GPU 0: NVIDIA A10G (UUID: GPU-1)
  MIG 1g.10gb     Device  0: (UUID: MIG-1)
GPU 1: NVIDIA A10G (UUID: GPU-2)
"""


def app(hardware: str = "") -> AppConfig:
    return parse(f'[cerebrium.deployment]\nname = "demo"\n[cerebrium.hardware]\n{hardware}', Path("/a/cerebrium.toml"))


def smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this nvidia-smi is there."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_nothing_is_limited_unless_it_is_said() -> None:
    assert make_machine(Offer(), [(app("cpu = 500"), "process")]).limit == UNLIMITED
    assert make_machine(Offer(cpu=4), [(app(), "process")]).limit == Resources(4, math.inf, math.inf)


def test_a_replica_takes_what_its_hardware_says() -> None:
    config = app('cpu = 3\nmemory = 12\ncompute = "L4"\ngpu_count = 2')
    assert need_of(config, "process") == need_of(config, "docker") == Resources(3, 12, 2)


@pytest.mark.parametrize("backend", ["static", "swarm"])
def test_replicas_elsewhere_take_nothing_of_this_machine(backend: str) -> None:
    assert make_machine(Offer(cpu=1), [(app("cpu = 8"), backend)]).limit.cpu == 1
    assert need_of(app(), backend) == Resources()


@pytest.mark.parametrize(
    ("hardware", "offer", "sentence"),
    [
        (
            "cpu = 8",
            Offer(cpu=4),
            "hardware.cpu is 8, but --max-cpu is 4, so no replica could ever start: lower it, or",
        ),
        ("memory = 8", Offer(memory_gb=2), "hardware.memory is 8, but --max-memory is 2, so no"),
        ('compute = "L4"', Offer(gpus=0), "hardware.gpu_count is 1, but --max-gpus is 0, so no"),
    ],
)
def test_an_app_that_could_never_start_is_a_mistake(hardware: str, offer: Offer, sentence: str) -> None:
    with pytest.raises(UserError, match=rf"^/a/cerebrium\.toml: cerebrium\.{sentence}"):
        make_machine(offer, [(app(hardware), "process")])


# GPUs


def test_gpus_are_counted_where_an_app_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "count_gpus", lambda: 1)
    assert make_machine(Offer(), [(app(), "process")]).limit.gpus == math.inf
    assert make_machine(Offer(), [(app('compute = "L4"'), "process")]).limit.gpus == 1
    assert make_machine(Offer(gpus=3), [(app('compute = "L4"'), "process")]).limit.gpus == 3
    with pytest.raises(UserError, match=r"gpu_count is 2, but this machine has 1, so .* or raise --max-gpus"):
        make_machine(Offer(), [(app("gpu_count = 2"), "process")])


def test_the_driver_is_asked_for_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, f"printf '%s' '{LISTED}'", monkeypatch)
    assert count_gpus() == 2


def test_without_a_driver_gpus_are_not_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, "exit 9", monkeypatch)
    assert count_gpus() is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert count_gpus() is None
    assert make_machine(Offer(), [(app('compute = "L4"'), "process")]).limit.gpus == math.inf


@pytest.mark.parametrize(("visible", "count"), [("0,1", 2), ("", 0), ("-1", 0), ("GPU-8f, GPU-9a", 2), ("0,-1,2", 1)])
def test_hidden_gpus_do_not_count(visible: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert count_gpus() == count

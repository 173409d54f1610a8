"""What this machine offers to the replicas of all apps: as the command line says, GPUs as they are counted."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.config import AppConfig
from proxy.core.capacity import Machine, Resources
from proxy.errors import UserError

# Replicas of the other backends are placed, or have been placed, by somebody else.
_LOCAL = ("process", "docker")
_SMI_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Cores, GB and GPUs that replicas may take in all; None is no limit, for GPUs those that are found."""

    cpu: float | None = None
    memory_gb: float | None = None
    gpus: int | None = None


def need_of(config: AppConfig, backend: str) -> Resources:
    """What one replica of the app takes of this machine."""
    if backend not in _LOCAL:
        return Resources()
    hardware = config.hardware
    return Resources(hardware.cpu, hardware.memory_gb, hardware.gpu_count)


def make_machine(offer: Offer, apps: Sequence[tuple[AppConfig, str]]) -> Machine:
    """The machine for these apps and their backends; raises UserError if one could never start."""
    needs = [(config, need_of(config, backend)) for config, backend in apps]
    counted = offer.gpus is None and any(need.gpus for _, need in needs)
    gpus = count_gpus() if counted else offer.gpus
    limit = Resources(*(math.inf if most is None else most for most in (offer.cpu, offer.memory_gb, gpus)))
    for config, need in needs:
        for name in limit.lacks(need):
            raise UserError(_never(config, name, getattr(need, name), getattr(limit, name), counted))
    return Machine(limit)


def _never(config: AppConfig, name: str, need: float, most: float, counted: bool) -> str:
    key = {"cpu": "cpu", "memory_gb": "memory", "gpus": "gpu_count"}[name]
    option = {"cpu": "--max-cpu", "memory_gb": "--max-memory", "gpus": "--max-gpus"}[name]
    found = f"this machine has {most:g}" if name == "gpus" and counted else f"{option} is {most:g}"
    return (
        f"{config.file}: cerebrium.hardware.{key} is {need:g}, but {found}, so no replica could ever start: "
        f"lower it, or raise {option}"
    )


def count_gpus() -> int | None:
    """The GPUs that replicas of this process can see; None if there is no way to tell.

    Source: CUDA_VISIBLE_DEVICES (CUDA programming guide, "CUDA environment variables"), else `nvidia-smi --list-gpus`.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        devices = [device.strip() for device in visible.split(",")]
        # CUDA takes no device that comes after an invalid one, such as -1.
        return next((index for index, device in enumerate(devices) if device in {"", "-1"}), len(devices))
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=_SMI_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())

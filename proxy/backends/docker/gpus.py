"""The GPUs of this machine and which replica has which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from aiodocker import Docker

from proxy.errors import StartError, UserError
from proxy.program import ProgramError, ask

if TYPE_CHECKING:
    from proxy.config import AppConfig

LABEL = "tidegate.gpus"
_ANSWER_SECONDS = 10.0  # a driver in trouble may never answer


class Gpus:
    """Owns which devices are given out by this proxy."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def take(self, count: int, there: Collection[str], elsewhere: Collection[str]) -> tuple[str, ...]:
        """`count` devices of those `there`, until released, none that is held `elsewhere`; raises StartError."""
        free = [device for device in there if device not in self._held and device not in elsewhere]
        if len(free) < count:
            raise StartError(
                f"it needs {count} of this machine's {len(there)} GPUs, of which {len(free)} are free: "
                "lower cerebrium.scaling.max_replicas, or let replicas share devices with tidegate.docker.gpus"
            )
        self._held.update(free[:count])
        return tuple(free[:count])

    def hold(self, devices: Collection[str]) -> None:
        """They are in use by a replica that runs already."""
        self._held.update(devices)

    def release(self, devices: Collection[str]) -> None:
        self._held.difference_update(devices)


async def devices_there() -> tuple[str, ...]:
    """The ids of this machine's NVIDIA GPUs; none if nvidia-smi is not there, fails or hangs."""
    argv = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
    try:
        return tuple((await ask(argv, _ANSWER_SECONDS)).split())
    except ProgramError:
        return ()


# One for all backends: two apps must not be given the same device.
GPUS = Gpus()


async def check_gpus(config: AppConfig) -> None:
    """Raise UserError if a replica needs more than there are."""
    hardware = config.hardware
    if config.docker.gpus or not hardware.gpu_count:
        return
    there = len(await devices_there())
    if there < hardware.gpu_count:
        raise UserError(
            f"{config.file}: cerebrium.hardware asks for {hardware.gpu_count} GPU ({hardware.compute}), "
            f'but nvidia-smi finds {there or "none"} here: set cerebrium.hardware.compute = "CPU", '
            "or name devices in tidegate.docker.gpus"
        )


async def assign_gpus(config: AppConfig, docker: Docker) -> Sequence[str]:
    """The devices for one more replica, held until released; raises StartError, DockerError.

    Containers of other proxies on this machine tell theirs by a label.
    """
    if config.docker.gpus or not config.hardware.gpu_count:
        return config.docker.gpus or ()
    there = await devices_there()
    labelled = await docker.containers.list(all=True, filters={"label": [LABEL]})
    elsewhere = {device for one in labelled for device in one["Labels"][LABEL].split(",")}
    return GPUS.take(config.hardware.gpu_count, there, elsewhere)

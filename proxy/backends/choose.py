"""Which backend a name stands for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.backends.process import ProcessBackend
from proxy.backends.static import StaticBackend
from proxy.errors import UserError

if TYPE_CHECKING:
    from proxy.backends.base import Backend
    from proxy.config import AppConfig

BACKENDS = ("process", "docker", "static")


def make_backend(name: str, config: AppConfig, tasks: asyncio.TaskGroup) -> Backend:
    """The backend for one app, whose own tasks run in `tasks`; raises UserError if there is none of that name."""
    match name:
        case "process":
            return ProcessBackend(config)
        case "docker":
            # Imported here: the engine's client costs a third of the start-up time, and only this one needs it.
            from proxy.backends.docker.backend import DockerBackend

            return DockerBackend(config, tasks)
        case "static":
            return StaticBackend(config)
    raise UserError(
        f"backend {name} is not available in this version; set --backend or tidegate.backend to one of "
        f"{', '.join(BACKENDS)}"
    )

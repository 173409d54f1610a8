"""Creating a container so that none is left behind, whenever who asked for it goes away."""

from __future__ import annotations

import asyncio

import aiohttp
from aiodocker import Docker, DockerError
from aiodocker.containers import DockerContainer

from proxy.backends.docker.definition import Document

_UNDO_SECONDS = 1.5
_UNDO_PAUSE_SECONDS = 0.1


async def create(docker: Docker, name: str, document: Document) -> DockerContainer:
    """Raises DockerError if the engine refuses."""
    try:
        return await docker.containers.create(document, name=name)
    except DockerError:
        raise
    except BaseException:  # cancelled, or the answer was lost: the engine may create it all the same
        await _undo(docker, name)
        raise


async def _undo(docker: Docker, name: str) -> None:
    """Remove it as soon as it is there, if that is soon."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _UNDO_SECONDS
    while loop.time() < deadline:
        try:
            await docker.containers.container(name).delete(force=True, v=True)
        except (DockerError, aiohttp.ClientError, OSError):
            await asyncio.sleep(_UNDO_PAUSE_SECONDS)
        else:
            return

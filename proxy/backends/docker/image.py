"""The image that an app's containers are made from: one that is there, pulled, or built."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiodocker import Docker, DockerError

from proxy.errors import StartError, UserError
from proxy.images.image import build_image
from proxy.images.progress import Progress
from proxy.images.registry import pull

if TYPE_CHECKING:
    from proxy.config import AppConfig

log = logging.getLogger("tidegate.docker")


class Image:
    """Owns getting it, once: `name` and `id` are known after `prepare`."""

    def __init__(self, config: AppConfig) -> None:
        self.name = ""
        self.id = ""
        self._config = config
        self._preparing = asyncio.Lock()

    def check(self) -> None:
        """Raise UserError if an image would be built that starts nothing."""
        custom = self._config.custom
        own_base = "docker_base_image_url" in self._config.deployment.model_fields_set
        if custom and not (custom.entrypoint or custom.dockerfile_path or self._config.docker.image or own_base):
            raise UserError(
                f"{self._config.file}: the docker backend needs runtime.custom.entrypoint: add the command that starts "
                "the server, or name an image that has one in tidegate.docker.image or deployment.docker_base_image_url"
            )

    async def prepare(self, docker: Docker) -> None:
        """Make sure that the engine has it; raises StartError, UserError, DockerError."""
        async with self._preparing:
            if self.id:
                return
            self.name = self._config.docker.image or await build_image(docker, self._config, self._report)
            if not await self._there(docker):
                await self._pull(docker)
            self.id = (await docker.images.inspect(self.name))["Id"]

    async def _there(self, docker: Docker) -> bool:
        try:
            await docker.images.inspect(self.name)
        except DockerError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _pull(self, docker: Docker) -> None:
        log.info("%s: pulling the image %s", self._config.name, self.name)
        try:
            async for _ in pull(docker, self.name):
                pass
        except DockerError as error:
            raise StartError(
                f'{self._config.file}: tidegate.docker.image is "{self.name}", which is not on this machine and cannot '
                f"be pulled ({error.message}): build or pull it, or correct the name"
            ) from error

    def _report(self, progress: Progress) -> None:
        log.info("%s: %s", self._config.name, progress)

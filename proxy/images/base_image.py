"""The image that an app's image is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiodocker import Docker, DockerError

from proxy.engine.connection import engine_errors, meaning
from proxy.errors import BuildError
from proxy.images.progress import Progress, Report
from proxy.images.registry import pull


@dataclass(frozen=True, slots=True)
class BaseImage:
    """`id` changes with its content; `user` is whom its commands run as, "" for root."""

    id: str
    user: str


async def base_image(docker: Docker, name: str, file: Path, report: Report) -> BaseImage:
    """The engine's image of that name, pulled if it is not there; raises BuildError for the app of `file`."""
    found = await inspect(docker, name)
    if found is None:
        await _pull(docker, name, file, report)
        found = await inspect(docker, name)
    if found is None:
        raise BuildError(f"{file}: deployment.docker_base_image_url names {name}, which is gone again: build once more")
    return found


async def inspect(docker: Docker, name: str) -> BaseImage | None:
    """None if the engine has no such image."""
    with engine_errors(f"look for the image {name}"):
        try:
            found = await docker.images.inspect(name)
        except DockerError as error:
            if error.status == 404:
                return None
            raise
    user = (found.get("Config") or {}).get("User") or ""
    return BaseImage(found["Id"], "" if user in ("root", "0", "0:0") else user)


async def _pull(docker: Docker, name: str, file: Path, report: Report) -> None:
    report(Progress("begins", f"pulling {name}"))
    try:
        async for line in pull(docker, name):
            if "progress" not in line and line.get("status"):
                report(Progress("says", f"{line.get('id', '')} {line['status']}".strip()))
    except DockerError as error:
        what = meaning(error.message) or f"the Docker Engine could not pull it ({' '.join(error.message.split())})"
        raise BuildError(
            f"{file}: deployment.docker_base_image_url names {name}, which is not on this machine, and {what}: "
            f"correct it, or see why `docker pull {name}` fails"
        ) from error

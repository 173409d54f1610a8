"""The image of one app: its tag tells what went into it, so what is there already is not built again."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aiodocker import Docker

from proxy.config import document
from proxy.errors import BuildError
from proxy.images.base_image import base_image, inspect
from proxy.images.build import Order, build
from proxy.images.context import Context
from proxy.images.progress import Progress, Report
from proxy.images.recipe import APP, PARTS, Step, command, labels, recipe
from proxy.images.requirements import requirement_parts
from proxy.images.runtime_parts import runtime_parts
from proxy.images.selection import dockerignore, select
from proxy.images.settings import settings_parts

if TYPE_CHECKING:
    from proxy.config import AppConfig

_DOCKERFILE = f"{PARTS}/Dockerfile"
_STEPS = Path(__file__).with_name("steps")
_TAG_DIGITS = 16
_OLDEST_PYTHON = (3, 11)


async def build_image(docker: Docker, config: AppConfig, report: Report, anew: bool = False) -> str:
    """The tag of the app's image, "tidegate/NAME:HASH", which the engine has when this returns.

    Builds what [cerebrium.deployment] and [cerebrium.dependencies] say, or runtime.custom.dockerfile_path; nothing if
    the engine has an image of the same content, unless `anew`. An app whose tidegate.docker.image is set needs none:
    do not call it. The image's command starts the app: the function server on PORT (8000) of all addresses, or
    runtime.custom.entrypoint; the app's files are in /cortex.

    Raises BuildError and EngineError, both UserError: a sentence with the file, the key and the mend; a failed step
    adds its last lines. `report` is called on the loop's thread; str(Progress) is a line for a log. Cancelling it ends
    the build in the engine too.
    """
    if config.custom and config.custom.dockerfile_path:
        order = await asyncio.to_thread(_from_dockerfile, config, config.custom.dockerfile_path, anew)
    else:
        base = await base_image(docker, config.deployment.docker_base_image_url, config.file, report)
        order = await asyncio.to_thread(_from_recipe, config, base.id, base.user, anew)
    if not anew and await inspect(docker, order.tag) is not None:
        report(Progress("ends", f"{order.tag} is there already: nothing has changed"))
        return order.tag
    await build(docker, order, report)
    return order.tag


def _from_recipe(config: AppConfig, base_id: str, user: str, anew: bool) -> Order:
    made = recipe(config, user)
    files = _files(config)
    _check(config, files)
    parts: dict[str, bytes | Path] = {"Dockerfile": made.dockerfile.encode()}
    parts |= {f"steps/{file.name}": file for file in _STEPS.glob("*.sh")}
    parts |= {f"requirements/{name}": content for name, content in requirement_parts(config).items()}
    if config.custom is None:
        parts |= runtime_parts()
    context = {f"{APP}/{name}": file for name, file in files.items()}
    return _order(config, {**context, **_named(parts)}, base_id, made.steps, anew)


def _files(config: AppConfig) -> dict[str, Path]:
    """The app's, but for its secrets and links to them: whoever has the image would have them."""
    secret = {os.path.realpath(file) for file in config.secret_files}
    found = select(config.folder, config.deployment.include, config.deployment.exclude)
    return {name: file for name, file in found.items() if not secret or os.path.realpath(file) not in secret}


def _check(config: AppConfig, files: Mapping[str, Path]) -> None:
    if not files:
        raise BuildError(f"{config.file}: deployment.include and deployment.exclude leave no file: correct them")
    if config.custom is not None:
        return
    if "main.py" not in files:
        raise BuildError(
            f"{config.file}: main.py is not among the files of the app: add it, correct deployment.include and "
            "deployment.exclude, or set runtime.custom.entrypoint"
        )
    version = config.deployment.python_version
    if tuple(map(int, version.split(".")[:2])) < _OLDEST_PYTHON:
        raise BuildError(
            f'{config.file}: deployment.python_version is "{version}", but functions are served by Python 3.11 or '
            "newer: raise it, or set runtime.custom.entrypoint"
        )


def _from_dockerfile(config: AppConfig, name: str, anew: bool) -> Order:
    file = config.folder / name
    if not file.is_file():
        raise BuildError(f"{config.file}: runtime.custom.dockerfile_path names {name}, which is no file: correct it")
    files: Mapping[str, Path] = _files(config)
    for ignore in (file.with_name(f"{file.name}.dockerignore"), config.folder / ".dockerignore"):
        if ignore.is_file():
            ignored = dockerignore(document.read(ignore), ignore)
            files = {path: found for path, found in files.items() if not ignored(path)}
            break
    own_command = "".join(f"\n{line}" for line in command(config))
    parts: dict[str, bytes | Path] = {"Dockerfile": file.read_bytes() + own_command.encode()}
    return _order(config, {**files, **_named(parts)}, "", (), anew)


def _order(
    config: AppConfig, files: dict[str, bytes | Path], base_id: str, steps: tuple[Step, ...], anew: bool
) -> Order:
    # Not a part of what went in: the same app has the same tag wherever packages come from.
    settings = settings_parts(os.environ, Path.home())
    context = Context(files, {f"{PARTS}/settings/{name}": content for name, content in settings.items()})
    digest = context.digest()
    version = hashlib.sha256(digest + base_id.encode()).hexdigest()[:_TAG_DIGITS]
    return Order(
        file=config.file,
        tag=f"tidegate/{_repository(config.name)}:{version}",
        context=context,
        digest=digest,
        dockerfile=_DOCKERFILE,
        steps=steps,
        labels=labels(config),
        anew=anew,
    )


def _named(parts: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    return {f"{PARTS}/{name}": content for name, content in parts.items()}


def _repository(name: str) -> str:
    """What Docker takes as a name: https://pkg.go.dev/github.com/distribution/reference"""
    return re.sub(r"[._-]+", "-", name.lower()).strip("-")

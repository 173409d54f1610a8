"""How an app's image is made: cerebrium.toml as the instructions of a Dockerfile."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.config.packages import exact_words, listed_words

if TYPE_CHECKING:
    from proxy.config import AppConfig

APP_FOLDER = "/cortex"  # where the platform puts an app, and what its files may name
APP = "app"
PARTS = ".tidegate"  # what is not the app's own, in the archive
FUNCTION_SERVER = ("/opt/app/bin/python", "-P", "-m", "runtime")
_PLACE = "/run/tidegate"
_APT_CACHES = ("/var/cache/apt", "/var/lib/apt/lists")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction that takes time. `key` is what of the file it carries out, `title` what a person calls it."""

    key: str
    title: str
    instruction: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Dockerfile, and which of its instructions a person may have to mend."""

    steps: tuple[Step, ...]
    dockerfile: str


def recipe(config: AppConfig, user: str) -> Recipe:
    """Everything that [cerebrium.deployment] and [cerebrium.dependencies] ask for; `user` is the base image's own.

    Settings of the builder (parts/settings) are mounted for each command, and are in no layer and no history.
    """
    steps = list(_steps(config))
    lines = [
        f"FROM {config.deployment.docker_base_image_url}",
        *(["USER root"] if user else []),
        *(["ENV PATH=/opt/app/bin:$PATH VIRTUAL_ENV=/opt/app"] if needs_python(config) else []),
        *(step.instruction for step in steps),
        *([f"USER {user}"] if user else []),
        *_start(config),
    ]
    return Recipe(tuple(steps), "\n".join(lines) + "\n")


def needs_python(config: AppConfig) -> bool:
    """A base image of the user's own that runs its own server stays as it is, unless the file asks for Python."""
    given = config.deployment.model_fields_set
    packages = config.dependencies.pip or config.dependencies.paths.get("pip")
    own_base = "docker_base_image_url" in given and "python_version" not in given
    return config.custom is None or bool(packages) or not own_base


def command(config: AppConfig) -> list[str]:
    """Instructions for what a container runs; none if that is the image's own command."""
    if config.custom is None:
        return [f"ENTRYPOINT {json.dumps(FUNCTION_SERVER)}", "CMD []"]
    if not config.custom.entrypoint:
        return []
    port = str(config.custom.port)
    words = [re.sub(r"\$\{PORT\}|\$PORT(?![A-Za-z0-9_])", port, word) for word in config.custom.entrypoint]
    return ["ENTRYPOINT []", f"CMD {json.dumps(words)}"]


def _start(config: AppConfig) -> list[str]:
    port = config.custom.port if config.custom else 8000
    # TIDEGATE_HOST: a container's loopback is its own; only the engine decides who reaches the port.
    return [f"ENV PYTHONUNBUFFERED=1 PORT={port} TIDEGATE_HOST=0.0.0.0", f"EXPOSE {port}", *command(config)]


def _steps(config: AppConfig) -> Iterator[Step]:
    deployment = config.deployment
    if needs_python(config):
        version = deployment.python_version if "python_version" in deployment.model_fields_set else ""
        yield _script("deployment.python_version", f"Python {version}".rstrip(), "python.sh", [version])
    if config.custom is None:
        yield _script("", "Tidegate's runtime", "runtime.sh", [], parts=("runtime",))
    yield from _commands("deployment.pre_build_commands", "pre_build", deployment.pre_build_commands)
    yield from _packages(config)
    yield Step("deployment.include", "the app's files", f"COPY {APP}/ {APP_FOLDER}/")
    yield Step("", "", f"WORKDIR {APP_FOLDER}")
    yield from _commands("deployment.shell_commands", "shell", deployment.shell_commands)


def _packages(config: AppConfig) -> Iterator[Step]:
    wanted = config.dependencies
    for kind, own in (("apt", wanted.apt), ("conda", wanted.conda)):
        words = [*exact_words(own), *listed_words(config, kind)]
        if words:
            caches = _APT_CACHES if kind == "apt" else ()
            yield _script(f"dependencies.{kind}", f"{kind}: {_some(words)}", f"{kind}.sh", words, caches=caches)
    if wanted.pip or wanted.paths.get("pip"):
        tool = "uv" if config.deployment.use_uv else "pip"
        title = _some([*sorted(wanted.pip), *filter(None, [wanted.paths.get("pip")])])
        yield _script("dependencies.pip", f"{tool}: {title}", "pip.sh", [tool], parts=("requirements",))


def _commands(key: str, kind: str, commands: Sequence[str]) -> Iterator[Step]:
    for index, line in enumerate(commands):
        yield Step(f"{key}[{index}]", f"{kind}: {line}", _run(line))


def _script(
    key: str,
    title: str,
    name: str,
    words: Sequence[str],
    parts: Sequence[str] = (),
    caches: Sequence[str] = (),
) -> Step:
    line = shlex.join(["sh", f"{_PLACE}/steps/{name}", *words])
    return Step(key, title, _run(line, ("steps", *parts), caches))


def _run(line: str, parts: Sequence[str] = (), caches: Sequence[str] = ()) -> str:
    """A RUN whose command is JSON: nothing in it is the Dockerfile's syntax, whatever the user wrote."""
    mounts = [f"type=bind,source={PARTS}/{part},target={_PLACE}/{part}" for part in ("settings", *parts)]
    mounts.append(f"type=cache,target={_PLACE}/cache")
    mounts += [f"type=cache,target={cache},sharing=locked" for cache in caches]
    argv = json.dumps(["/bin/sh", "-c", f". {_PLACE}/settings/environment\n{line}"])
    return f"RUN {' '.join(f'--mount={mount}' for mount in mounts)} {argv}"


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def labels(config: AppConfig) -> Mapping[str, str]:
    return {"tidegate.app": config.name}

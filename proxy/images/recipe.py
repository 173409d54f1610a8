"""How an app's image is made: cerebrium.toml as the instructions of a Dockerfile."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """One instruction that takes time. `key` is what of the file it carries out, `title` what a person calls it.

    `mark` is a text that only this instruction has: BuildKit tells the rest with variables and quotes resolved.
    """

    key: str
    title: str
    instruction: str
    mark: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Dockerfile, and which of its instructions a person may have to mend."""

    steps: tuple[Step, ...]
    dockerfile: str


def recipe(config: AppConfig, user: str) -> Recipe:
    """Everything that [cerebrium.deployment] and [cerebrium.dependencies] ask for; `user` is the base image's own.

    Settings of the builder (parts/settings) are mounted for each command, and are in no layer and no history.
    """
    steps = [todo.step(number) for number, todo in enumerate(_steps(config))]
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


@dataclass(frozen=True, slots=True)
class _Command:
    """A line for /bin/sh: `parts` of the archive are mounted for it, and `caches`, which no layer keeps."""

    key: str
    title: str
    line: str
    parts: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()

    def step(self, number: int) -> Step:
        """A RUN whose command is JSON: nothing in it is the Dockerfile's syntax, whatever the user wrote."""
        mounts = [f"type=bind,source={PARTS}/{part},target={_PLACE}/{part}" for part in ("settings", *self.parts)]
        mounts.append(f"type=cache,target={_PLACE}/cache")
        mounts += [f"type=cache,target={cache},sharing=locked" for cache in self.caches]
        name = f"step-{number}"  # the shell's $0
        argv = json.dumps(["/bin/sh", "-c", f". {_PLACE}/settings/environment; {self.line}", name])
        return Step(
            self.key, self.title, f"RUN {' '.join(f'--mount={mount}' for mount in mounts)} {argv}", f'"{name}"]'
        )


@dataclass(frozen=True, slots=True)
class _Plain:
    """An instruction that runs nothing."""

    key: str
    title: str
    instruction: str

    def step(self, _number: int) -> Step:
        return Step(self.key, self.title, self.instruction, self.instruction)


def _steps(config: AppConfig) -> Iterator[_Command | _Plain]:
    deployment = config.deployment
    if needs_python(config):
        version = deployment.python_version if "python_version" in deployment.model_fields_set else ""
        yield _script("deployment.python_version", f"Python {version}".rstrip(), "python.sh", [version])
    if config.custom is None:
        yield _script("", "what Tidegate's runtime needs", "runtime_needs.sh", [], "runtime_needs")
        yield _script("", "Tidegate's runtime", "runtime.sh", [], "runtime")
    yield from _commands("deployment.pre_build_commands", "pre_build", deployment.pre_build_commands)
    yield from _packages(config)
    yield _Plain("deployment.include", "the app's files", f"COPY {APP}/ {APP_FOLDER}/")
    yield _Plain("", f"folder {APP_FOLDER}", f"WORKDIR {APP_FOLDER}")
    yield from _commands("deployment.shell_commands", "shell", deployment.shell_commands)


def _packages(config: AppConfig) -> Iterator[_Command]:
    wanted = config.dependencies
    apt = [*exact_words(wanted.apt), *listed_words(config, "apt")]
    if apt:
        script = _script("dependencies.apt", f"apt: {_some(apt)}", "apt.sh", apt)
        yield replace(script, caches=_APT_CACHES)
    conda = [*exact_words(wanted.conda), *listed_words(config, "conda")]
    if conda:
        yield _script("dependencies.conda", f"conda: {_some(conda)}", "conda.sh", conda)
    pip = [*sorted(wanted.pip), *filter(None, [wanted.paths.get("pip")])]
    if pip:
        tool = "uv" if config.deployment.use_uv else "pip"
        yield _script("dependencies.pip", f"{tool}: {_some(pip)}", "pip.sh", [tool], "requirements")


def _commands(key: str, kind: str, lines: Sequence[str]) -> Iterator[_Command]:
    for index, line in enumerate(lines):
        first, *more = line.strip().split("\n")
        yield _Command(f"{key}[{index}]", f"{kind}: {first}{' …' if more else ''}", line)


def _script(key: str, title: str, name: str, words: Sequence[str], *parts: str) -> _Command:
    line = shlex.join(["sh", f"{_PLACE}/steps/{name}", *words])
    return _Command(key, title, line, ("steps", *parts))


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def labels(config: AppConfig) -> Mapping[str, str]:
    return {"tidegate.image.app": config.name}

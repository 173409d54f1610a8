"""One app's settings: both root tables merged, defaults resolved, every mistake in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from proxy.config import document
from proxy.config.auth import Auth
from proxy.config.cerebrium import Cerebrium, CustomRuntime, Dependencies, Deployment, Hardware, PlatformScaling
from proxy.config.env_file import read_env_file
from proxy.config.notify import Notify
from proxy.config.sentences import did_you_mean, unknown_keys, wrong_values
from proxy.config.table import Table
from proxy.config.tidegate import (
    Docker,
    Drain,
    Limits,
    Probes,
    Process,
    Queue,
    Routing,
    Scaling,
    Static,
    Tidegate,
    Timeouts,
)
from proxy.errors import ConfigError

ROOTS: Mapping[str, type[Table]] = {"cerebrium": Cerebrium, "tidegate": Tidegate}
Root = TypeVar("Root", bound=Table)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """Everything that is configured for one app; `file` and `folder` are absolute."""

    file: Path
    deployment: Deployment
    custom: CustomRuntime | None
    hardware: Hardware
    scaling: Scaling
    dependencies: Dependencies
    routing: Routing
    queue: Queue
    timeouts: Timeouts
    limits: Limits
    probes: Probes
    drain: Drain
    process: Process
    notify: Notify
    auth: Auth
    docker: Docker
    static: Static
    backend: str | None
    env: Mapping[str, str]
    env_file: Path | None  # where a part of it comes from
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.deployment.name

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """What a replica is told, or the proxy alone, but no image."""
        own = self.auth.jwt.secret_file
        return tuple(file for file in (self.env_file, self.folder / own if own else None) if file is not None)

    @property
    def without_server(self) -> str:
        """A sentence if a process or an image of this folder has nothing to serve; else nothing."""
        main = self.folder / "main.py"
        if self.custom is not None or main.is_file():
            return ""
        return f"{main} does not exist: add it, or set runtime.custom.entrypoint in cerebrium.toml"

    @property
    def of_this_folder(self) -> bool:
        """Whether its replicas are: not those of an image that is there, or of somebody else."""
        return self.backend == "process" or not (self.docker.image or self.static.replicas)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a file, and what is odd about it, each a sentence that names the file."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def load(app: Path) -> AppConfig:
    """The settings of `app`, a folder or a file; raises ConfigError."""
    file = document.find(app)
    return parse(document.read(file), file)


def load_all(apps: Sequence[Path]) -> tuple[AppConfig, ...]:
    """The settings of all `apps`; raises ConfigError, also if a request could be for either of two."""
    configs = tuple(load(app) for app in apps)
    first: dict[tuple[str, str], AppConfig] = {}
    for config in configs:
        for key, value in _claims(config):
            other = first.setdefault((key, value), config)
            if other is config:
                continue
            if other.file == config.file:
                raise ConfigError(f"{config.file} is given twice: name it once")
            raise ConfigError(f'{config.file}: {key} has "{value}", but {other.file} has that too: change one of them')
    return configs


def _claims(config: AppConfig) -> Iterator[tuple[str, str]]:
    """What only one app may have, as key and value."""
    routing = config.routing
    yield "cerebrium.deployment.name", config.name
    yield from (("tidegate.routing.hosts", host) for host in routing.hosts)
    yield from (("tidegate.routing.prefix", prefix) for prefix in (routing.prefix,) if prefix)
    yield from (("tidegate.routing.models", model) for model in routing.models)


def parse(text: str, file: Path) -> AppConfig:
    """The settings in `text`, as if read from `file`; raises ConfigError with the first mistake."""
    config, findings = _examine(text, file)
    if config:
        return config
    more = len(findings.errors) - 1
    rest = f" (and {more} more: run `tidegate check {file}`)" if more else ""
    raise ConfigError(findings.errors[0] + rest)


def inspect(app: Path) -> Findings:
    """Everything that is wrong with `app`, a folder or a file, and would end `tidegate up`."""
    try:
        file = document.find(app)
        config, findings = _examine(document.read(file), file)
    except ConfigError as error:
        return Findings((str(error),), ())
    if config and config.of_this_folder and (sentence := config.without_server):
        return Findings((sentence,), findings.warnings)
    return findings


def _examine(text: str, file: Path) -> tuple[AppConfig | None, Findings]:
    try:
        tables = document.decode(text, file)
    except ConfigError as error:
        return None, Findings((str(error),), ())
    warnings = tuple(f"{file}: {sentence}" for sentence in unknown_keys(tables, ROOTS))
    errors: list[str] = []
    config = _assemble(tables, file.resolve(), errors, warnings)
    return config, Findings(tuple(f"{file}: {sentence}" for sentence in errors), warnings)


def _assemble(
    tables: Mapping[str, object], file: Path, errors: list[str], warnings: tuple[str, ...]
) -> AppConfig | None:
    if "cerebrium" not in tables:
        errors.append(_without_root(tables))
        return None
    cerebrium = _validated(Cerebrium, tables, "cerebrium", errors)
    tidegate = _validated(Tidegate, tables, "tidegate", errors, cerebrium.scaling if cerebrium else None)
    env = _environment(tidegate, file.parent, errors) if tidegate else {}
    if errors or not cerebrium or not tidegate:
        return None
    return AppConfig(
        file=file,
        deployment=cerebrium.deployment,
        custom=cerebrium.runtime.custom,
        hardware=cerebrium.hardware,
        scaling=Scaling.model_construct(**dict(cerebrium.scaling), **dict(tidegate.scaling)),
        dependencies=cerebrium.dependencies,
        routing=tidegate.routing,
        queue=tidegate.queue,
        timeouts=tidegate.timeouts,
        limits=tidegate.limits,
        probes=tidegate.probes,
        drain=tidegate.drain,
        process=tidegate.process,
        notify=tidegate.notify,
        auth=tidegate.auth,
        docker=tidegate.docker,
        static=tidegate.static,
        backend=tidegate.backend,
        env=env,
        env_file=file.parent / tidegate.env_file if tidegate.env_file else None,
        warnings=warnings,
    )


def _without_root(tables: Mapping[str, object]) -> str:
    flat = [key for key in Cerebrium.model_fields if key in tables]
    if flat:
        return f"the root table cerebrium is missing: write [cerebrium.{flat[0]}] instead of [{flat[0]}], and so on"
    hint = next(filter(None, (did_you_mean(table, ["cerebrium"]) for table in tables)), "")
    return f"the root table cerebrium is missing: begin with [cerebrium.deployment] and a name{hint}"


def _validated(
    model: type[Root],
    tables: Mapping[str, object],
    name: str,
    errors: list[str],
    context: PlatformScaling | None = None,
) -> Root | None:
    try:
        return model.model_validate(tables.get(name, {}), context=context)
    except ValidationError as error:
        errors.extend(wrong_values(error, model, name))
        return None


def _environment(tidegate: Tidegate, folder: Path, errors: list[str]) -> Mapping[str, str]:
    if not tidegate.env_file:
        return tidegate.env
    try:
        return read_env_file(folder / tidegate.env_file) | dict(tidegate.env)
    except ValueError as error:
        errors.append(f'tidegate.env_file is "{tidegate.env_file}", but {error}')
        return {}

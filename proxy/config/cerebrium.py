"""The platform's tables: everything under [cerebrium]."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from proxy.config.sentences import did_you_mean
from proxy.config.table import Number, OptionalText, Table, Text, Whole, Words, written

Metric = Literal["concurrency_utilization", "requests_per_second", "cpu_utilization", "memory_utilization"]
RESOURCE_METRICS = ("cpu_utilization", "memory_utilization")


def _patterns(value: object) -> object:
    """Old files hold the list in a string: "[./*, main.py]"."""
    if not isinstance(value, str):
        return value
    return [word for word in (part.strip(" '\"") for part in value.strip("[] ").split(",")) if word]


def _command(value: object) -> object:
    if not isinstance(value, str):
        if value and not isinstance(value, list | tuple):
            raise ValueError("must be a string of shell words, or a list of words")
        return value or None
    try:
        return shlex.split(value) or None
    except ValueError as error:
        raise ValueError("must close every quote, as in a shell") from error


def _endpoint(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ValueError('must be a path such as "/health", without spaces')
    return "/" + value.removeprefix("/")


def _first_choice(value: object) -> object:
    """The platform takes a list, the most wanted first."""
    first = value[0] if isinstance(value, list) and value else value
    return "CPU" if first == "" else first


Patterns = Annotated[Words, BeforeValidator(_patterns)]
Endpoint = Annotated[Text, BeforeValidator(_endpoint)]


class Deployment(Table):
    """What the app is called, what belongs to it, and how its image is built."""

    name: Text
    python_version: Text = "3.11"
    include: Patterns = ("./*", "main.py", "cerebrium.toml")
    exclude: Patterns = (".*",)
    shell_commands: Words = ()
    pre_build_commands: Words = ()
    docker_base_image_url: Text = "debian:bookworm-slim"
    use_uv: bool = False
    disable_auth: bool = True
    initialization_timeout_seconds: Number = Field(
        600, ge=60, le=830, validation_alias="deployment_initialization_timeout"
    )

    @model_validator(mode="before")
    @classmethod
    def _an_empty_image_is_none(cls, table: object) -> object:
        image = "docker_base_image_url"
        if isinstance(table, dict) and table.get(image) == "":
            return {key: value for key, value in table.items() if key != image}
        return table

    @field_validator("name")
    @classmethod
    def _fits_into_a_url(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
            raise ValueError(
                "must be at most 63 letters, digits, '-', '_' and '.', beginning with a letter or digit: "
                "it is a part of the app's URL"
            )
        return name

    @field_validator("python_version")
    @classmethod
    def _is_a_version(cls, version: str) -> str:
        if not re.fullmatch(r"3\.\d+(\.\d+)?", version):
            raise ValueError('must be a version of Python such as "3.11"')
        return version


class CustomRuntime(Table):
    """The user's own server; `entrypoint` is None where the image's CMD is meant."""

    port: Whole = Field(default=8000, ge=1, le=65535)
    entrypoint: Annotated[Words | None, BeforeValidator(_command)] = None
    healthcheck_endpoint: Endpoint = ""
    readycheck_endpoint: Endpoint = ""
    dockerfile_path: OptionalText = None


class Runtime(Table):
    """Which server runs; cortex is what an app without a runtime has, so its table has no effect."""

    custom: CustomRuntime | None = None
    cortex: object = None


class Hardware(Table):
    """What one replica gets: cores, GB and GPUs."""

    cpu: Number = Field(default=2.0, gt=0)
    memory_gb: Number = Field(default=4.0, gt=0, validation_alias="memory")
    compute: Annotated[Text, BeforeValidator(_first_choice)] = "CPU"
    gpu_count: Whole = Field(ge=0)
    provider: OptionalText = None
    region: OptionalText = None

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gb * 1024**3)

    @model_validator(mode="before")
    @classmethod
    def _an_accelerator_is_one_gpu(cls, table: object) -> object:
        if not isinstance(table, dict):
            return table
        compute = _first_choice(table.get("compute", "CPU"))
        return {"gpu_count": 0 if str(compute).upper() == "CPU" else 1, **table}


class PlatformScaling(Table):
    """[cerebrium.scaling]; `target` is in percent, or requests per second with that metric."""

    min_replicas: Whole = Field(default=0, ge=0, le=2000)
    max_replicas: Whole = Field(default=1, ge=1, le=2000)
    replica_concurrency: Whole = Field(ge=1)
    response_grace_period_seconds: Number = Field(
        default=900, ge=16, le=43200, validation_alias="response_grace_period"
    )
    cooldown_seconds: Number = Field(default=10, ge=0, le=3600, validation_alias="cooldown")
    metric: Metric = Field(default="concurrency_utilization", validation_alias="scaling_metric")
    target: Number = Field(default=100, validation_alias="scaling_target")
    buffer: Whole = Field(default=0, ge=0, validation_alias="scaling_buffer")
    evaluation_interval_seconds: Number = Field(
        default=30, ge=6, le=300, validation_alias=AliasChoices("evaluation_interval_seconds", "evaluation_interval")
    )
    load_balancing_algorithm: Text = ""
    compute_tier: Literal["interruptible", "protected"] = "interruptible"
    roll_out_duration_seconds: Number = Field(default=0, ge=0, le=21600)

    @model_validator(mode="before")
    @classmethod
    def _one_evaluation_interval(cls, table: object) -> object:
        if isinstance(table, dict) and {"evaluation_interval", "evaluation_interval_seconds"} <= table.keys():
            raise ValueError("have evaluation_interval_seconds or evaluation_interval, not both")
        return table

    @field_validator("max_replicas")
    @classmethod
    def _at_least_min(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min_replicas", 0)
        if most < least:
            raise ValueError(f"must be at least min_replicas, which is {least}")
        return most

    @field_validator("metric")
    @classmethod
    def _something_to_measure(cls, metric: str, info: ValidationInfo) -> str:
        if metric in RESOURCE_METRICS and info.data.get("min_replicas") == 0:
            raise ValueError("must go with min_replicas of at least 1, since only a running replica can be measured")
        return metric

    @field_validator("target")
    @classmethod
    def _fits_the_metric(cls, target: float, info: ValidationInfo) -> float:
        metric = info.data.get("metric", "concurrency_utilization")
        if metric != "requests_per_second" and not 1 <= target <= 100:
            raise ValueError(f"must be from 1 to 100 percent with the metric {metric}")
        if target <= 0:
            raise ValueError("must be above 0 with the metric requests_per_second")
        return target

    @field_validator("buffer")
    @classmethod
    def _only_with_demand(cls, buffer: int, info: ValidationInfo) -> int:
        metric = info.data.get("metric")
        if buffer and metric in RESOURCE_METRICS:
            raise ValueError(f"must be 0 with the metric {metric}")
        return buffer

    @field_validator("load_balancing_algorithm")
    @classmethod
    def _chosen_by_concurrency(cls, name: str, info: ValidationInfo) -> str:
        if not name:
            return "first-available" if info.data.get("replica_concurrency", 1) <= 3 else "round-robin"
        known = sorted(entry_points(group="tidegate.balancers").names)
        if name not in known:
            raise ValueError(f"must be one of {', '.join(known)}{did_you_mean(name, known)}")
        return name


class Dependencies(Table):
    """Packages and their versions, "latest" or "" for any, and files that list more of them."""

    pip: Mapping[str, Text] = {}
    apt: Mapping[str, Text] = {}
    conda: Mapping[str, Text] = {}
    paths: Mapping[str, Text] = {}

    @model_validator(mode="before")
    @classmethod
    def _files_belong_to_paths(cls, table: object) -> object:
        """A kind may name its file itself, as `_file_relative_path` among its packages."""
        if not isinstance(table, dict) or not isinstance(table.get("paths", {}), dict):
            return table
        files = {}
        for kind in ("pip", "apt", "conda"):
            packages = table.get(kind)
            if isinstance(packages, dict) and "_file_relative_path" in packages:
                packages = dict(packages)
                files[kind] = packages.pop("_file_relative_path")
                table = table | {kind: packages}
        return table | {"paths": files | table.get("paths", {})}

    @field_validator("paths")
    @classmethod
    def _known_kinds(cls, paths: Mapping[str, str]) -> Mapping[str, str]:
        for kind in paths.keys() - {"pip", "apt", "conda"}:
            raise ValueError(f'must hold pip, apt or conda, not "{kind}"')
        return {kind: path for kind, path in paths.items() if path}


class Cerebrium(Table):
    """The root table `cerebrium`."""

    deployment: Deployment = written({})
    runtime: Runtime = written({})
    hardware: Hardware = written({})
    scaling: PlatformScaling = written({})
    dependencies: Dependencies = written({})

    @field_validator("scaling", mode="before")
    @classmethod
    def _a_gpu_serves_one_request(cls, table: object, info: ValidationInfo) -> object:
        hardware = info.data.get("hardware")
        concurrency = 1 if hardware and hardware.gpu_count else 100
        return {"replica_concurrency": concurrency, **table} if isinstance(table, dict) else table
